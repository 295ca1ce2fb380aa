#!/usr/bin/perl

# The resident agent of the program tls-perl: a bare TLS client on IO::Socket::SSL, which asks for a page.
#
# Each attempt makes the calls of an ordinary caller - IO::Socket::SSL->new, print, sysread, close - with
# exactly the options that the request names. Three things are the caller's own doing: going on after a
# verification error and refusing for the last one (as nginx and s_client do), refusing a suite, and
# reading HTTP. What the agent adds is observation (Observed.pm). None of it changes a byte on the wire.
#
# Perl 5.16 with its core modules and IO::Socket::SSL. A request:
#
#   {"op": "attempt", "goal": "response", "host": "origin.lab.test", "port": 2100, "timeout_s": 10,
#    "tls": true, "options": {"SSL_hostname": "www.lab.test", "SSL_cipher_list": "AES128"},
#    "last_error": false, "check_name": null, "refuse_rc4": false, "authorization": "Basic ..."}
#
# check_name: with last_error, the name that the certificate has to have (the option SSL_verifycn_name is
# of no use then, because a wrong name would end the verification before its last error); null: any name.

use 5.016;
use strict;
use warnings;

use File::Basename ();
use lib File::Basename::dirname(__FILE__);

use Errno ();
use IO::Socket::SSL ();
use Net::SSLeay ();
use Time::HiRes ();

use Observed qw(%seen TRUE FALSE each_once errno_symbol errno_text note_alert note_tls note_verification
    resolver_symbol trimmed);
use Resident ();

# Numbers of OpenSSL that stay the same: reasons (SSL_R_*; of an alert that was received 1000 plus its
# number), and the verification error of a wrong name (X509_V_ERR_HOSTNAME_MISMATCH).
use constant {
    CERTIFICATE_VERIFY_FAILED => 0x086, ALERT_CLOSE_NOTIFY => 1000, ALERT_DECODE_ERROR => 1050,
    HOSTNAME_MISMATCH => 62,
};

# What it takes to go on after verification errors, and to check a name afterwards.
my @TO_VERIFY = qw(
    CTX_get0_param X509_V_FLAG_PARTIAL_CHAIN X509_VERIFY_PARAM_clear_flags X509_check_host
    X509_verify_cert_error_string
);

# As much of an answer as is read, in bytes.
use constant ANSWER => 1 << 20;

# What IO::Socket::SSL itself is made of: IO::Socket::IP, or IO::Socket::INET where that is missing.
my $PLAIN = $IO::Socket::SSL::ISA[0];

sub attempt {
    my ($request, $progress) = @_;
    check_request($request);
    return Observed::report(sub { walk($request, $progress, @_) });
}

sub check_request {
    my ($request) = @_;
    my $goal = $request->{goal} // '';
    Resident::bad_request("the goal '$goal' is none of handshake, response")
        if $goal !~ /\A(?:handshake|response)\z/;
    for my $name (grep { !defined $request->{$_} } qw(host port timeout_s options authorization)) {
        Resident::bad_request("the goal $goal needs $name");
    }
    return;
}

# The steps in their order; a step that fails ends them.
sub walk {
    my ($request, $progress, $report) = @_;
    my $enter = $seen{enter} = sub {
        note_seen($report);
        $report->{step} = $_[0];
        $progress->(%$report);
    };

    $enter->('connect');
    my $socket = connected($request, $report);
    note_seen($report);
    if ($request->{tls}) {
        refuse_last_error($request, $report, $socket) if $request->{last_error};
        refuse($report, $socket, 'Using RC4 Cipher')
            if $request->{refuse_rc4} && $seen{cipher} =~ /RC4/;
    }
    if ($request->{goal} eq 'handshake') {
        leave($report, $socket, $request->{timeout_s}) if ($seen{protocol} // '') eq 'TLSv1.3';
    }
    else {
        $enter->('response');
        ask($request, $report, $socket);
    }
    $socket->close;
    return;
}

# -- the steps -------------------------------------------------------------------------------------

sub connected {
    my ($request, $report) = @_;
    my %where = (
        PeerHost => $request->{host}, PeerPort => $request->{port}, Timeout => $request->{timeout_s},
    );
    my %options = options($request);
    my ($socket, %end);
    $IO::Socket::SSL::SSL_ERROR = undef;
    $! = 0;
    eval {
        $socket = $request->{tls} ? IO::Socket::SSL->new(%where, %options) : $PLAIN->new(%where);
        @end{qw(at errno)} = ($@, $! + 0);
        1;
    } or @end{qw(at errno)} = ($@, $! + 0);
    fail($report, %end, ssl => $IO::Socket::SSL::SSL_ERROR) if !$socket;
    # Told to send no name, the module has none to check either, and warns.
    my $sends_none = exists $options{SSL_hostname} && !length $options{SSL_hostname};
    $seen{verified} = FALSE
        if $request->{tls} && $sends_none && !$options{SSL_verifycn_name} && !$request->{last_error};
    return $socket;
}

# The caller's options, with a verify callback that hands on what it is given, or goes on with
# whatever it is given.
sub options {
    my ($request) = @_;
    my %options = %{ $request->{options} };
    return %options if defined $options{SSL_verify_mode} && !$options{SSL_verify_mode};
    return (%options, SSL_verify_callback => \&note_verification) if !$request->{last_error};
    return (
        %options,
        SSL_verifycn_scheme => 'none',
        SSL_verify_callback => sub {
            my ($ok, $store) = @_;
            $seen{verify_code} = Net::SSLeay::X509_STORE_CTX_get_error($store) if !$ok;
            return 1;
        },
        # Where it can, IO::Socket::SSL takes any certificate of the trust store for an anchor; nginx and
        # s_client do not, and the errors 2 and 21 exist only so.
        SSL_create_ctx_callback => sub {
            my ($context) = @_;
            Net::SSLeay::X509_VERIFY_PARAM_clear_flags(
                Net::SSLeay::CTX_get0_param($context), Net::SSLeay::X509_V_FLAG_PARTIAL_CHAIN());
        },
    );
}

# The chain's last error goes before the name, as in nginx.
sub refuse_last_error {
    my ($request, $report, $socket) = @_;
    my $name = $request->{check_name};
    if (!$seen{verify_code} && defined $name && length $name) {
        my $certificate = Net::SSLeay::get_peer_certificate($socket->_get_ssl_object);
        $seen{verify_code} = HOSTNAME_MISMATCH
            if !$certificate || Net::SSLeay::X509_check_host($certificate, $name, 0) != 1;
    }
    return if !$seen{verify_code};
    my $words = Net::SSLeay::X509_verify_cert_error_string($seen{verify_code});
    $report->{verified}    = FALSE;
    $report->{verify_code} = $seen{verify_code};
    refuse($report, $socket, "certificate verify error: ($seen{verify_code}:$words)", $words);
    return;
}

# Leave a connection that has been made.
sub refuse {
    my ($report, $socket, $error, $message) = @_;
    $socket->close;
    @$report{qw(error message)} = ($error, $message // $error);
    Observed::fail();
    return;
}

# Leave after the handshake: say that nothing more will be sent, and wait for the end. In TLS 1.3 a server
# can refuse the client's certificate after the client has finished its part; writing anything, a
# close_notify too, could meet the reset that follows the alert, and lose the alert. A server that misses
# the close_notify may say so.
sub leave {
    my ($report, $socket, $limit_s) = @_;
    shutdown $socket, 1;
    receive($socket, $limit_s, sub { 0 });
    my ($reason) = last_reason($seen{read_error} // '');
    my $is_alert = $reason >= ALERT_CLOSE_NOTIFY && $reason != ALERT_DECODE_ERROR;
    fail($report) if $is_alert || ($seen{read_errno} // 0) == Errno::ECONNRESET();
    return;
}

sub ask {
    my ($request, $report, $socket) = @_;
    my $sent = $socket->print(
        "GET / HTTP/1.1\r\nHost: $request->{host}:$request->{port}\r\n"
            . "Authorization: $request->{authorization}\r\nConnection: close\r\n\r\n");
    if (!$sent) {
        my %end = (errno => $! + 0, ssl => $IO::Socket::SSL::SSL_ERROR);
        note_late_alert($socket) if $request->{tls};
        fail($report, %end);
    }
    my ($end, $data) = receive($socket, $request->{timeout_s}, \&is_whole);

    fail($report) if $end eq 'failed';
    fail($report, own => 'read timeout', errno => Errno::ETIMEDOUT()) if $end eq 'late';
    fail($report, own => 'Server closed connection without sending any data back') if !length $data;
    my ($line) = $data =~ /\A([^\r\n]*)/;
    my ($status, $phrase) = $line =~ m{\AHTTP/1\.[01] (\d{3}) ?(.*)\z}
        or fail($report, own => "Bad response status line: '$line'");
    @$report{qw(reply_code reply_text)} = ($status + 0, trimmed($phrase));
    fail($report, own => 'Server closed connection inside its answer')
        if $end eq 'closed' && !is_whole($data, 1);
    fail($report, own => "HTTP status $status $phrase") if $status != 200;
    return;
}

# Read until it is enough: how that ended - 'enough', 'closed', 'failed' or 'late' - and what was read.
sub receive {
    my ($socket, $limit_s, $is_enough) = @_;
    my $until = Time::HiRes::time() + $limit_s;
    my $data  = '';
    $socket->blocking(0);
    until ($is_enough->($data) || length $data >= ANSWER) {
        if (!$seen{protocol} || !$socket->pending) {
            my $left = $until - Time::HiRes::time();
            vec(my $readable = '', fileno $socket, 1) = 1;
            return ('late', $data) if $left <= 0 || !select $readable, undef, undef, $left;
        }
        my $count = $socket->sysread($data, 65536, length $data);
        my $errno = $! + 0;
        next if $count || (!defined $count && ($errno == Errno::EAGAIN() || $errno == Errno::EINTR()));
        note_alert() if $seen{protocol};
        $seen{read_errno} //= $errno if !defined $count;
        return (defined $count && !defined $seen{read_error} ? 'closed' : 'failed', $data);
    }
    return ('enough', $data);
}

# Whether this is an answer with all of its body. Without a length it ends where the connection ends.
sub is_whole {
    my ($data, $has_ended) = @_;
    my ($head, $body) = $data =~ /\A(.*?\r?\n)\r?\n(.*)\z/s or return 0;
    my ($length) = $head =~ /^Content-Length:[ \t]*(\d+)/mi;
    return defined $length ? length $body >= $length : $has_ended;
}

# -- observation -----------------------------------------------------------------------------------

# Where a write has met a closed connection, what the server had to say is still there to be read.
sub note_late_alert {
    my ($socket) = @_;
    $seen{read_error} = undef;
    $socket->blocking(0);
    Net::SSLeay::ERR_clear_error();
    Net::SSLeay::read($socket->_get_ssl_object, 1);
    note_alert();
    return;
}

sub watch_handshakes {
    my $connect_ssl = IO::Socket::SSL->can('connect_SSL') or die 'this IO::Socket::SSL is none';
    no warnings 'redefine';
    *IO::Socket::SSL::connect_SSL = sub {
        my ($socket) = @_;
        $seen{enter}->('handshake');
        my $connected = &$connect_ssl;
        note_tls($socket) if $connected;
        return $connected;
    };
    return;
}

# -- the report ------------------------------------------------------------------------------------

sub note_seen {
    my ($report) = @_;
    $report->{$_} = $seen{$_} for grep { exists $seen{$_} } qw(protocol cipher verified);
    return;
}

# Why a step failed: all that the call left behind, each thing once.
sub fail {
    my ($report, %end) = @_;
    note_seen($report);
    my $errno  = $end{errno} || $seen{read_errno} || 0;
    my $symbol = errno_symbol($errno);
    my $ssl    = each_once($end{ssl}, $seen{read_error});
    my ($reason, $words) = last_reason($ssl);
    my $invalid = $reason == CERTIFICATE_VERIFY_FAILED && defined $seen{verify_code}
        ? Net::SSLeay::X509_verify_cert_error_string($seen{verify_code})
        : undef;
    my $system = $symbol ? errno_text($symbol) : undef;

    my $error = each_once($end{own}, $ssl, $end{at}, $invalid, $system);
    $error = do { local $! = $errno; "$!" } if !length $error;
    $report->{error} = $error;
    ($report->{message}) = grep { defined && length } $invalid, $end{own}, $words, $system, $ssl, $error, '';
    $report->{errno} = resolver_symbol($seen{resolver}) if $seen{resolver};
    $report->{errno} = $symbol if $symbol && !$seen{resolver};
    $report->{verify_code} = $seen{verify_code} if defined $invalid;
    Observed::fail();
    return;
}

# Number and words of the last of OpenSSL's errors in a text, error:CODE:LIBRARY:FUNCTION:REASON each.
sub last_reason {
    my ($text) = @_;
    my ($code, $words) = $text =~ /.*\berror:([0-9A-F]{8}):[^:]*:[^:]*:(.*)\z/s or return (0, undef);
    return (hex($code) & 0xfff, $words);
}

watch_handshakes();
Observed::watch_resolver();
Observed::watch_read_errors();
Observed::warm_up();

Resident->new(
    name     => 'tls-perl',
    versions => {
        Observed::versions(),
        # What the caller needs to verify by itself; older versions of Net::SSLeay do not have it.
        'last_error' => (grep { !Net::SSLeay->can($_) } @TO_VERIFY) ? FALSE : TRUE,
    },
    forked => { attempt => \&attempt },
    keeps  => 1,
)->run;
