#!/usr/bin/perl

# The resident agent of the program net-ftp: Net::FTP with IO::Socket::SSL.
#
# Each attempt makes the calls that a caller of Net::FTP makes - new, starttls, login, binary, put,
# quit - with exactly the options that the request names, and reports what they returned. What the
# agent adds is observation: a verify callback that hands on what it is given, a look at the data
# connection after Net::FTP has opened it, a look at what the resolver answered. None of it changes a
# byte on the wire.
#
# Perl 5.16 with its core modules, Net::FTP (libnet 3 or newer) and IO::Socket::SSL. A request:
#
#   {"op": "attempt", "goal": "transfer", "host": "ftp.lab.test", "starttls": true,
#    "options": {"Port": 21, "Timeout": 10, "Passive": 1, "SSL_cipher_list": "AES128"},
#    "session_cache": "shared" or null, "libnet": "3.11" or null,
#    "user": "lab", "password": "...", "payload": {"name": "x.txt", "size": 1024}}

use 5.016;
use strict;
use warnings;

use File::Basename ();
use lib File::Basename::dirname(__FILE__);

use Carp ();
use Errno ();
use IO::File ();
use IO::Socket::SSL ();
use Net::SSLeay ();
use Socket ();
use Symbol ();
use Time::HiRes ();

use Net::FTP ();
use Net::FTP::I ();

use Resident ();

# Where an image keeps other versions of libnet: LIBNET_DIR/<version>/lib/Net/FTP.pm.
use constant LIBNET_DIR => '/opt/lab/libnet';

use constant { TRUE => JSON::PP::true(), FALSE => JSON::PP::false() };

# What a caller finds in $! that says something about a connection. The rest ("Inappropriate ioctl for
# device", "No such file or directory") is left over from things that perl did on the way.
my %ERRNO = map { ($_ => 1) } qw(
    EACCES EADDRINUSE EADDRNOTAVAIL ECONNABORTED ECONNREFUSED ECONNRESET EHOSTDOWN EHOSTUNREACH EMFILE
    ENETDOWN ENETRESET ENETUNREACH ENOTCONN EPERM EPIPE EPROTO ETIMEDOUT
);
my %ERRNO_NAME = map { (Errno->can($_)->() => $_) } grep { Errno->can($_) } keys %ERRNO;

# The resolver's numbers by their names.
my %EAI_NAME = map { my $number = eval { Socket->can($_)->() }; defined $number ? ($number => $_) : () }
    grep { Socket->can($_) }
    qw(EAI_ADDRFAMILY EAI_AGAIN EAI_BADFLAGS EAI_FAIL EAI_FAMILY EAI_NODATA EAI_NONAME EAI_SERVICE
    EAI_SOCKTYPE);

# OpenSSL 1.1.1 and newer reseed their random generator in a forked child by themselves.
my $STIR_RANDOM = Net::SSLeay::OPENSSL_VERSION_NUMBER() < 0x1010100f;

# What is observed of the attempt in this process: there is one attempt a process.
my %seen;

sub attempt {
    my ($request, $progress) = @_;
    my $started = Time::HiRes::time();
    check_request($request);
    Net::SSLeay::RAND_load_file('/dev/urandom', 32) if $STIR_RANDOM;
    load_libnet($request->{libnet}) if defined $request->{libnet};

    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, trimmed($_[0]) };
    # Perl dies of SIGPIPE unless the program says otherwise. Long-lived callers do say so; that it
    # came is reported.
    local $SIG{PIPE} = sub { push @warnings, 'SIGPIPE: a program without a handler ends here' };

    my %report = (failed => FALSE, library => Net::SSLeay::SSLeay_version(0));
    eval { walk($request, \%report, $progress, \@warnings); 1 } or do {
        die $@ if ref $@ ne 'StepFailed';
        $report{failed} = TRUE;
    };
    $report{warnings}   = \@warnings;
    $report{elapsed_ms} = 1000 * (Time::HiRes::time() - $started);
    return \%report;
}

sub check_request {
    my ($request) = @_;
    my $goal = $request->{goal} // '';
    Resident::bad_request("the goal '$goal' is none of handshake, login, transfer")
        if $goal !~ /\A(?:handshake|login|transfer)\z/;
    my @needed = qw(host options);
    push @needed, qw(user password) if $goal ne 'handshake';
    push @needed, 'payload' if $goal eq 'transfer';
    for my $name (grep { !defined $request->{$_} } @needed) {
        Resident::bad_request("the goal $goal needs $name");
    }
    return;
}

# The steps in their order; a step that fails ends them.
sub walk {
    my ($request, $report, $progress, $warnings) = @_;
    my %options = %{ $request->{options} };
    my $verifies = !defined $options{SSL_verify_mode} || $options{SSL_verify_mode};
    $options{SSL_verify_callback} = \&note_verification if $verifies;
    $options{SSL_session_cache}   = OneSession->new(10)
        if ($request->{session_cache} // '') eq 'shared';

    my $ftp;
    my $step = sub {
        my ($name, $call) = @_;
        $report->{step} = $name;
        $progress->(%$report);
        my $before = @$warnings;
        my ($returned, $at, $errno);
        $IO::Socket::SSL::SSL_ERROR = undef;
        $! = 0;
        eval {
            $returned = $call->();
            ($at, $errno) = ($@, $! + 0);
            1;
        } or ($at, $errno) = ($@, $! + 0);
        my $ssl = $IO::Socket::SSL::SSL_ERROR;
        $report->{$_} = $seen{$_}
            for grep { exists $seen{$_} } qw(protocol cipher verified data_protected session_reused);
        note_alert() if reply_is_own($ftp);
        note_reply($report, $ftp) if $ftp;
        if (!$returned) {
            note_failure($report, $ftp, $name, $at, $ssl, $errno, [@$warnings[$before .. $#$warnings]]);
            die bless {}, 'StepFailed';
        }
        return $returned;
    };

    $step->(connect => sub { $ftp = Net::FTP->new($request->{host}, %options) });
    $step->(starttls => sub { $ftp->starttls }) if $request->{starttls};
    if ($request->{goal} eq 'handshake') {
        # In TLS 1.3 a server can refuse the client's certificate after the client has finished its
        # part: an alert or a reset is then what the client gets instead of the next reply. Net::FTP's
        # starttls ends with two commands (PBSZ, PROT) whose replies it does not check.
        my $lost = reply_is_own($ftp) ? 'protect' : undef;
        quit($ftp) if !$lost;
        note_alert() if reply_is_own($ftp);
        my $refused = ($seen{read_error} // '') =~ /alert/ || $seen{read_errno};
        $lost //= 'quit' if $refused && ($seen{protocol} // '') eq 'TLSv1.3';
        if ($lost) {
            note_reply($report, $ftp);
            note_failure($report, $ftp, $lost, '', undef, 0, []);
            die bless {}, 'StepFailed';
        }
        $report->{step} = 'quit';
        note_reply($report, $ftp) if !reply_is_own($ftp);
        return;
    }
    # On the wire are bytes; Net::Cmd counts and writes what it is given.
    my @account = @$request{qw(user password)};
    utf8::encode($_) for @account;
    $step->(login => sub { $ftp->login(@account) });
    if ($request->{goal} eq 'transfer') {
        my $payload = payload(@{ $request->{payload} }{qw(name size)});
        $step->(put => sub { $ftp->binary; $ftp->put($payload, $request->{payload}{name}) });
    }
    $report->{step} = 'quit';
    quit($ftp);
    note_reply($report, $ftp) if !reply_is_own($ftp);
    return;
}

# Every server closes after QUIT, some without a reply: neither is a failure of the attempt.
sub quit {
    my ($ftp) = @_;
    return eval { $ftp->quit };
}

# A real file, because Net::FTP treats files and pipes differently (ALLO); without a name, so that
# nothing is left when the deadline ends the attempt.
sub payload {
    my ($name, $size) = @_;
    my $line = "$name\n";
    my $file = IO::File->new_tmpfile or die "a temporary file: $!";
    binmode $file;
    print {$file} substr $line x (1 + $size / length $line), 0, $size or die "a temporary file: $!";
    seek $file, 0, 0 or die "a temporary file: $!";
    return $file;
}

# -- observation -----------------------------------------------------------------------------------

sub note_verification {
    my ($ok, $store) = @_;
    if (!$ok && !defined $seen{verify_code}) {
        $seen{verify_code} = Net::SSLeay::X509_STORE_CTX_get_error($store);
    }
    return $ok;
}

sub note_control_connection {
    my ($ftp) = @_;
    my $ssl = $ftp->_get_ssl_object;
    ($seen{protocol} = $ftp->get_sslversion) =~ tr/_/./;
    $seen{cipher}   = $ftp->get_cipher;
    # An anonymous cipher suite completes without a certificate, whatever the verification mode.
    my $checks = Net::SSLeay::get_verify_mode($ssl) & Net::SSLeay::VERIFY_PEER();
    $seen{verified} = $checks && Net::SSLeay::get_peer_certificate($ssl) ? TRUE : FALSE;
    return;
}

sub note_data_connection {
    my ($connection) = @_;
    my $ssl = $connection->is_SSL && $connection->_get_ssl_object;
    $seen{data_protected} = $ssl ? TRUE : FALSE;
    $seen{session_reused} = Net::SSLeay::session_reused($ssl) ? TRUE : FALSE if $ssl;
    return;
}

# A connection on which the greeting is no success is gone when Net::FTP->new returns.
sub note_greeting {
    my ($ftp) = @_;
    $seen{greeting} //= { code => $ftp->code + 0, text => trimmed(scalar $ftp->message) };
    return;
}

# Look at the data connection when Net::FTP has made it, because it forgets it again at the end of a
# transfer, and at the greeting.
sub watch_net_ftp {
    my $dataconn = Net::FTP->can('_dataconn') or die 'this Net::FTP has no _dataconn';
    my $response = Net::FTP->can('response')  or die 'this Net::FTP has no response';
    no warnings 'redefine';
    no strict 'refs';
    # By name, because load_libnet() replaces the whole package, and in Net::FTP's own package, so that
    # what carp() says is placed as it is without these functions.
    (*{'Net::FTP::_dataconn'}, *{'Net::FTP::response'}) = eval q{
        package Net::FTP;
        (
            sub {
                my ($ftp) = @_;
                my $connection = $ftp->$dataconn;
                main::note_data_connection($connection) if $connection;
                return $connection;
            },
            sub {
                my ($ftp) = @_;
                my $digit = $ftp->$response;
                main::note_greeting($ftp);
                return $digit;
            },
        )
    } or die $@;
    return;
}

# What the control connection's handshake came to, even if the connection is lost right after it.
sub watch_handshakes {
    my $connect_ssl = IO::Socket::SSL->can('connect_SSL') or die 'this IO::Socket::SSL is none';
    no warnings 'redefine';
    *IO::Socket::SSL::connect_SSL = sub {
        my ($socket) = @_;
        $seen{handshake} = 1;
        my $connected = &$connect_ssl;
        note_control_connection($socket) if $connected && $socket->isa('Net::FTP');
        return $connected;
    };
    return;
}

# IO::Socket::IP keeps the resolver's text and drops its number; a second lookup could end otherwise.
sub watch_resolver {
    my $lookup = IO::Socket::IP->can('getaddrinfo') or return;
    no warnings qw(redefine prototype);
    *IO::Socket::IP::getaddrinfo = sub {
        my @answer = &$lookup;
        $seen{resolver} = $answer[0] + 0;
        return @answer;
    };
    return;
}

# Net::FTP closes a connection on which reading failed, and closing forgets why.
sub watch_read_errors {
    my $error = IO::Socket::SSL->can('error') or die 'this IO::Socket::SSL has no error';
    no warnings 'redefine';
    *IO::Socket::SSL::error = sub {
        my $errno = $! + 0;
        &$error;
        $seen{read_error} = "$IO::Socket::SSL::SSL_ERROR" if real_ssl_error($IO::Socket::SSL::SSL_ERROR);
        $seen{read_errno} = $errno if $ERRNO_NAME{$errno};
        return;
    };
    return;
}

# IO::Socket::SSL takes a fatal alert after the handshake for an end of file when there is no system
# error beside it, and leaves the alert in the library's queue. It is read there, and left there.
sub note_alert {
    my $number = Net::SSLeay::ERR_peek_error() or return;
    my $text   = Net::SSLeay::ERR_error_string($number);
    $seen{read_error} //= $text if $text =~ /alert/;
    return;
}

# -- the report ------------------------------------------------------------------------------------

sub note_reply {
    my ($report, $ftp) = @_;
    my $text = trimmed(scalar $ftp->message);
    return if !length $text && !$ftp->code;
    $report->{reply_code} = $ftp->code + 0;
    $report->{reply_text} = $text;
    return;
}

sub note_failure {
    my ($report, $ftp, $name, $at, $ssl, $errno, $warnings) = @_;
    if (!$ftp) {
        # Net::FTP->new is three steps in one.
        $name = $seen{greeting} ? 'greeting' : $seen{handshake} ? 'starttls' : $name;
        if ($seen{greeting} && $seen{greeting}{text} !~ /\A\[Net::FTP\] /) {
            @$report{qw(reply_code reply_text)} = @{ $seen{greeting} }{qw(code text)};
        }
    }
    $report->{step} = $name;
    my $symbol = $ERRNO_NAME{$errno};
    my $said   = $ftp ? trimmed(scalar $ftp->message) : '';
    $ssl = undef if !real_ssl_error($ssl) && !($symbol && $symbol eq 'ETIMEDOUT');
    my @causes = ($at, $ssl, @$warnings);
    # A connection that was lost during an earlier call that succeeded shows only now.
    if (reply_is_own($ftp)) {
        push @causes, $seen{read_error};
        $symbol //= $ERRNO_NAME{ $seen{read_errno} } if $seen{read_errno};
    }
    push @causes, do { local $! = Errno->can($symbol)->(); "$!" } if $symbol;

    my @parts;
    for my $cause (map { trimmed($_) } grep { defined } @causes) {
        push @parts, $cause if length $cause && !grep { index($_, $cause) >= 0 } @parts;
    }
    $report->{error}   = @parts ? join '; ', @parts : $said;
    $report->{message} = !$ftp ? trimmed($at) : $name eq 'starttls' ? "FTP failed to start tls: $said" : $said;
    $report->{message} = trimmed($at) if !length $said && length trimmed($at);
    $report->{errno}   = $EAI_NAME{ $seen{resolver} } // "EAI_$seen{resolver}" if $seen{resolver};
    $report->{errno}   = $symbol if $symbol && !$seen{resolver};
    $report->{verify_code} = $seen{verify_code};
    return;
}

# An error of the TLS library, as against "come again later".
sub real_ssl_error {
    my ($error) = @_;
    return defined $error && length "$error" && "$error" !~ /\ASSL wants a /;
}

# Whether the last "reply" is not the server's but Net::FTP's own word for a lost connection.
sub reply_is_own {
    my ($ftp) = @_;
    return $ftp && $ftp->code == 421 && $ftp->message =~ /\A\[Net::FTP\] /;
}

sub trimmed {
    my ($text) = @_;
    $text = defined $text ? "$text" : '';
    $text =~ s/\A\s+|\s+\z//g;
    utf8::decode($text);
    return $text;
}

# -- versions of libnet ----------------------------------------------------------------------------

sub libnets {
    return map { m{([^/]+)/lib/Net/FTP\.pm\z} ? $1 : () } glob LIBNET_DIR . '/*/lib/Net/FTP.pm';
}

# Put another libnet in the place of the platform's, in this process only.
sub load_libnet {
    my ($version) = @_;
    my $place = LIBNET_DIR . "/$version/lib";
    Resident::bad_request("no libnet $version in " . LIBNET_DIR . ': there is ' . join ', ', libnets())
        if $version !~ /\A[0-9._]+\z/ || !-f "$place/Net/FTP.pm";
    for my $file (grep { m{\ANet/(?:Cmd|Config|Domain|FTP|Netrc)(?:/|\.pm)} } keys %INC) {
        delete $INC{$file};
        (my $package = $file) =~ s{/}{::}g;
        $package =~ s/\.pm\z//;
        Symbol::delete_package($package) if $package ne 'Net::FTP';
    }
    Symbol::delete_package('Net::FTP');
    unshift @INC, $place;
    require Net::FTP;
    die "libnet $version is not what is loaded: $INC{'Net/FTP.pm'}\n"
        if index $INC{'Net/FTP.pm'}, $place;
    watch_net_ftp();
    return;
}

# A session cache that answers every question with the session it was given last. Net::FTP 3.12 and
# 3.13 ask for the control connection's session under the data connection's address.
package OneSession;

BEGIN { our @ISA = ('IO::Socket::SSL::Session_Cache') }

sub add_session { my ($self, $key, $session) = @_; return $self->SUPER::add_session('any', $session) }
sub get_session { my ($self, $key, @session) = @_; return $self->SUPER::get_session('any', @session) }
sub del_session { my ($self, $key, @session) = @_; return $self->SUPER::del_session('any', @session) }

package main;

watch_net_ftp();
watch_handshakes();
watch_resolver();
watch_read_errors();

Resident->new(
    name     => 'net-ftp',
    versions => {
        'perl'            => sprintf('%vd', $^V),
        'Net::FTP'        => "$Net::FTP::VERSION",
        'IO::Socket::SSL' => "$IO::Socket::SSL::VERSION",
        'Net::SSLeay'     => "$Net::SSLeay::VERSION",
        'openssl'         => Net::SSLeay::SSLeay_version(0),
        'libnet'          => [libnets()],
    },
    forked => { attempt => \&attempt },
)->run;
