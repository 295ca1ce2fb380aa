#!/usr/bin/perl

# The resident agent of the program net-ftpssl: Net::FTPSSL with IO::Socket::SSL, driven as the public
# source of Movable Type drives it (lib/MT/FileMgr/FTPS.pm and FTP.pm).
#
# Each attempt makes their calls - new, login, binary, put, quit - with exactly the options that the
# request names. Net::FTPSSL->new is connection, AUTH and handshake in one; what login returns is not
# looked at, so that the delivery is tried all the same; nothing but $@ is handed on to the user. The agent
# adds observation, as net_ftp.pl does: none of it changes a byte on the wire.
#
# Perl 5.16 with its core modules and IO::Socket::SSL. Net::FTPSSL may be missing: the ready line then has
# no version of it. A request:
#
#   {"op": "attempt", "goal": "transfer", "host": "ftp.lab.test",
#    "options": {"Port": 21, "Timeout": 10, "ReuseSession": 1, "SSL_cipher_list": "AES128",
#                "SSL_Client_Certificate": {"SSL_verify_mode": 1, "SSL_version": "SSLv23:!SSLv3:!SSLv2"}},
#    "user": "lab", "password": "...", "payload": {"name": "x.txt", "size": 1024}}

use 5.016;
use strict;
use warnings;

use File::Basename ();
use lib File::Basename::dirname(__FILE__);

use IO::File ();
use IO::Socket::SSL ();
use Net::SSLeay ();
use Socket ();

use Observed qw(%seen TRUE FALSE each_once errno_symbol errno_text note_alert note_tls note_verification
    real_ssl_error resolver_symbol trimmed);
use Resident ();

# Where an image, or whoever mounts it there, keeps modules that the distribution does not have.
use constant MODULES => '/opt/lab/perl5/lib';

# What Net::FTPSSL puts in the place of a reply that did not come.
my $NO_REPLY = qr/\A555 (?:Unexpected EOF on Command Channel|Timed out waiting for a response!|Can't write )/;

# Why there is no Net::FTPSSL; the empty string: it is not installed; undef: there is.
my $MISSING = load_net_ftpssl();

# Net::FTPSSL->new, the first step, is connection, AUTH and handshake in one.
$seen{step} = 'connect';

sub load_net_ftpssl {
    push @INC, MODULES;
    return undef if eval { require Net::FTPSSL; 1 };
    my $why = trimmed($@);
    return $why =~ m{\ACan't locate Net/FTPSSL\.pm } ? '' : $why;
}

sub attempt {
    my ($request, $progress) = @_;
    check_request($request);
    return Observed::report(sub { walk($request, $progress, @_) });
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
    Resident::bad_request('there is no Net::FTPSSL here' . ($MISSING ? ": $MISSING" : ''))
        if defined $MISSING;
    return;
}

# The steps in their order; a step that fails ends them.
sub walk {
    my ($request, $progress, $report, $warnings) = @_;
    my $ftp;
    my $step = sub {
        my ($name, $call) = @_;
        $report->{step} = $seen{step} = $name;
        $seen{progress} = sub {
            note_seen($report);
            $report->{step} = $seen{step};
            $progress->(%$report);
        };
        $progress->(%$report);
        my $before = @$warnings;
        my %end;
        $Net::FTPSSL::ERRSTR = '';
        $IO::Socket::SSL::SSL_ERROR = undef;
        $! = 0;
        eval { $end{returned} = $call->(); @end{qw(at errno)} = ($@, $! + 0); 1 }
            or @end{qw(at errno died)} = ($@, $! + 0, 1);
        $end{ssl}      = $IO::Socket::SSL::SSL_ERROR;
        $end{module}   = $Net::FTPSSL::ERRSTR;
        $end{warnings} = [@$warnings[$before .. $#$warnings]];
        note_alert() if $seen{lost};
        note_seen($report);
        if (!$end{returned}) {
            note_failure($report, $request, \%end);
            $report->{message} = deliver_all_the_same($ftp, $request) if $name eq 'login';
            Observed::fail();
        }
        return $end{returned};
    };

    $step->(connect => sub { $ftp = Net::FTPSSL->new($request->{host}, %{ options($request) }) });
    if ($request->{goal} eq 'handshake') {
        # In TLS 1.3 a server can refuse the client's certificate after the client has finished its
        # part: an alert or a reset is then what the client gets instead of the next reply.
        $seen{step} = 'quit';
        quit($ftp);
        note_alert() if $seen{lost};
        note_seen($report);
        my $refused = ($seen{read_error} // '') =~ /alert/ || $seen{read_errno};
        if ($refused && $seen{lost} && ($seen{protocol} // '') eq 'TLSv1.3') {
            note_failure($report, $request, { at => '', errno => 0, module => '', warnings => [] });
            Observed::fail();
        }
        $report->{step} = 'quit';
        return;
    }
    $step->(login => sub { $ftp->login(@$request{qw(user password)}) });
    if ($request->{goal} eq 'transfer') {
        $step->(put => sub { deliver($ftp, $request) });
        # A data connection in clear text makes no handshake.
        $report->{data_protected} //= FALSE;
    }
    $report->{step} = $seen{step} = 'quit';
    quit($ftp);
    note_seen($report);
    return;
}

# The options of new, with a callback that hands on what it is given.
sub options {
    my ($request) = @_;
    my %options = %{ $request->{options} };
    my %ssl     = %{ $options{SSL_Client_Certificate} // {} };
    $ssl{SSL_verify_callback} = \&note_verification if $ssl{SSL_verify_mode};
    $options{SSL_Client_Certificate} = \%ssl;
    return \%options;
}

# As MT::FileMgr::FTP::put_data does it for the type "upload": from a handle, byte by byte.
sub deliver {
    my ($ftp, $request) = @_;
    my ($name, $size) = @{ $request->{payload} }{qw(name size)};
    my $payload = payload($name, $size);
    $ftp->binary;
    return $ftp->put($payload, $name);
}

# What Movable Type's user is shown after a login that failed: the failure of the delivery. It is not tried
# where nobody answers any more, because each of its commands would wait for a reply of its own.
sub deliver_all_the_same {
    my ($ftp, $request) = @_;
    return '' if $request->{goal} ne 'transfer' || ($seen{lost} // '') =~ /Timed out/;
    $seen{decided} = 1;
    local $SIG{__WARN__} = sub { };
    local $SIG{PIPE}     = 'IGNORE';
    my %end = (at => '');
    eval { deliver($ftp, $request); $end{at} = $@; 1 } or @end{qw(at died)} = ($@, 1);
    return message('put', \%end);
}

# Every server closes after QUIT, some without a reply: neither is a failure of the attempt.
sub quit {
    my ($ftp) = @_;
    return eval { $ftp->quit };
}

# A real file without a name, so that nothing is left when the deadline ends the attempt.
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

sub note_data_connection {
    my ($socket) = @_;
    my $ssl = $socket->_get_ssl_object;
    $seen{data_protected} = TRUE;
    $seen{session_reused} = Net::SSLeay::session_reused($ssl) ? TRUE : FALSE;
    return;
}

# Which step a command belongs to, and the last reply. Both functions are also called with the socket
# that is not yet a Net::FTPSSL.
sub watch_net_ftpssl {
    my $command  = Net::FTPSSL->can('command')  or die 'this Net::FTPSSL has no command';
    my $response = Net::FTPSSL->can('response') or die 'this Net::FTPSSL has no response';
    no warnings qw(once redefine);
    *Net::FTPSSL::command = sub {
        my (undef, $verb) = @_;
        enter('starttls') if $verb eq 'AUTH';
        enter('protect')  if $verb =~ /\A(?:PBSZ|PROT)\z/;
        enter('put')      if $seen{step} eq 'protect' && $verb !~ /\A(?:PBSZ|PROT)\z/;
        goto &$command;
    };
    *Net::FTPSSL::response = sub {
        my ($connection) = @_;
        # The first thing to be read is the greeting, over implicit TLS after the handshake.
        enter('greeting') if !$seen{greeted}++;
        my $digit = &$response;
        my $said  = Net::FTPSSL::last_message($connection);
        $seen{lost}  = $said =~ $NO_REPLY ? $said : '';
        $seen{reply} = $said if !$seen{lost};
        # Net::FTPSSL has no time limit for what follows: connecting to the data port, TLS on it.
        $seen{progress}->() if !$seen{decided} && $said =~ /\A(?:150|227)/;
        return $digit;
    };
    return;
}

# Go on to another step; a deadline then finds it in the report.
sub enter {
    my ($step) = @_;
    return if $seen{decided} || $seen{step} eq $step;
    $seen{step} = $step;
    $seen{progress}->();
    return;
}

# What a handshake came to, even if the connection is lost right after it. Only the control connection
# is a Net::FTPSSL.
sub watch_handshakes {
    my $connect_ssl = IO::Socket::SSL->can('connect_SSL') or die 'this IO::Socket::SSL is none';
    no warnings 'redefine';
    *IO::Socket::SSL::connect_SSL = sub {
        my ($socket) = @_;
        my $is_control = $socket->isa('Net::FTPSSL');
        enter('starttls') if $is_control;
        my $connected = &$connect_ssl;
        ($is_control ? \&note_tls : \&note_data_connection)->($socket) if $connected;
        return $connected;
    };
    return;
}

# The resolver's error. Perl's inet_aton, with which the name was looked up, drops it: asked once more.
sub resolver_error {
    my ($host) = @_;
    my ($error) = Socket::getaddrinfo($host, '',
        { family => Socket::AF_INET(), socktype => Socket::SOCK_STREAM() });
    return $error ? resolver_symbol($error + 0) : undef;
}

# -- the report ------------------------------------------------------------------------------------

sub note_seen {
    my ($report) = @_;
    $report->{$_} = $seen{$_}
        for grep { exists $seen{$_} } qw(protocol cipher verified data_protected session_reused);
    my ($code, $text) = ($seen{reply} // '') =~ /\A(\d{3})[ -]?(.*)\z/s or return;
    @$report{qw(reply_code reply_text)} = ($code + 0, trimmed($text));
    return;
}

# Why a step failed: all that the call left behind, each thing once, the module's own words first.
sub note_failure {
    my ($report, $request, $end) = @_;
    my $step = $report->{step} = $seen{step};
    my $symbol = errno_symbol($end->{errno});
    my $ssl    = $end->{ssl};
    $ssl = undef if !real_ssl_error($ssl) && !($symbol && $symbol eq 'ETIMEDOUT');
    # The reply is in the report already, with its code.
    my $module = $end->{module};
    $module = $report->{reply_text} if $module eq ($seen{reply} // '') && $report->{reply_code};
    $module =~ s/\A555 // if $seen{lost};
    my @causes = ($module, $end->{at}, $ssl, @{ $end->{warnings} });
    # A connection that was lost during an earlier call that succeeded shows only now.
    if ($seen{lost}) {
        push @causes, $seen{read_error};
        $symbol //= errno_symbol($seen{read_errno}) if $seen{read_errno};
    }
    push @causes, errno_text($symbol) if $symbol;
    @causes = map { trimmed($_) } grep { defined } @causes;
    s/ at \S+ line \d+\.\z// for @causes;       # of what carp() and die() say

    $report->{error}       = each_once(@causes);
    $report->{message}     = message($step, $end);
    $report->{errno}       = $symbol if $symbol;
    $report->{verify_code} = $seen{verify_code};
    if ($step eq 'connect' && $end->{at} =~ /Bad hostname/) {
        my $resolver = resolver_error($request->{host});
        $report->{errno} = $resolver if $resolver;
    }
    return;
}

# What the user is shown: Movable Type hands on $@ and nothing else, and of a login that failed nothing.
sub message {
    my ($step, $end) = @_;
    return trimmed($end->{at}) if $end->{died};
    return '' if $step =~ /\A(?:login|quit)\z/;
    my $before = $step =~ /\A(?:put|protect)\z/ ? 'FTP put failed: ' : 'FTPS connection failed: ';
    return trimmed($before . $end->{at});
}

if (!defined $MISSING) {
    watch_net_ftpssl();
    watch_handshakes();
    Observed::watch_read_errors();
}

Observed::warm_up();
Resident->new(
    name     => 'net-ftpssl',
    versions => {
        Observed::versions(),
        'Net::FTPSSL'         => defined $MISSING ? undef : "$Net::FTPSSL::VERSION",
        'Net::FTPSSL problem' => $MISSING || undef,
    },
    forked => { attempt => \&attempt },
)->run;
