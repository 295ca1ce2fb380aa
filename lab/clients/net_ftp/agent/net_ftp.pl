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
#    "prot": "C" (the data channel in clear text) or null, "user": "lab", "password": "...", "payload": {"name": "x.txt", "size": 1024}}

use 5.016;
use strict;
use warnings;

use File::Basename ();
use lib File::Basename::dirname(__FILE__);

use Carp ();
use IO::File ();
use IO::Socket::SSL ();
use Net::SSLeay ();
use Symbol ();

use Net::FTP ();
use Net::FTP::I ();

use Observed qw(%seen TRUE FALSE each_once errno_symbol errno_text note_alert note_tls note_verification
    real_ssl_error resolver_symbol trimmed);
use Resident ();

# Where an image keeps other versions of libnet: LIBNET_DIR/<version>/lib/Net/FTP.pm. If it could not be
# made with one, LIBNET_DIR/<version>/absent says why, in one line.
use constant LIBNET_DIR => '/opt/lab/libnet';

sub attempt {
    my ($request, $progress) = @_;
    check_request($request);
    load_libnet($request->{libnet}) if defined $request->{libnet};
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
    return;
}

# The steps in their order; a step that fails ends them.
sub walk {
    my ($request, $progress, $report, $warnings) = @_;
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
            Observed::fail();
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
            Observed::fail();
        }
        $report->{step} = 'quit';
        note_reply($report, $ftp) if !reply_is_own($ftp);
        return;
    }
    # On the wire are bytes; Net::Cmd counts and writes what it is given.
    my @account = @$request{qw(user password)};
    utf8::encode($_) for @account;
    $step->(login => sub { $ftp->login(@account) });
    $step->(protect => sub { $ftp->prot($request->{prot}) }) if defined $request->{prot};
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
        note_tls($socket) if $connected && $socket->isa('Net::FTP');
        return $connected;
    };
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
    my $symbol = errno_symbol($errno);
    my $said   = $ftp ? trimmed(scalar $ftp->message) : '';
    $ssl = undef if !real_ssl_error($ssl) && !($symbol && $symbol eq 'ETIMEDOUT');
    my @causes = ($at, $ssl, @$warnings);
    # A connection that was lost during an earlier call that succeeded shows only now.
    if (reply_is_own($ftp)) {
        push @causes, $seen{read_error};
        $symbol //= errno_symbol($seen{read_errno}) if $seen{read_errno};
    }
    push @causes, errno_text($symbol) if $symbol;

    my $error = each_once(@causes);
    $report->{error}   = length $error ? $error : $said;
    $report->{message} = !$ftp ? trimmed($at) : $name eq 'starttls' ? "FTP failed to start tls: $said" : $said;
    $report->{message} = trimmed($at) if !length $said && length trimmed($at);
    $report->{errno}   = resolver_symbol($seen{resolver}) if $seen{resolver};
    $report->{errno}   = $symbol if $symbol && !$seen{resolver};
    $report->{verify_code} = $seen{verify_code};
    return;
}

# Whether the last "reply" is not the server's but Net::FTP's own word for a lost connection.
sub reply_is_own {
    my ($ftp) = @_;
    return $ftp && $ftp->code == 421 && $ftp->message =~ /\A\[Net::FTP\] /;
}

# -- versions of libnet ----------------------------------------------------------------------------

sub libnets {
    return map { m{([^/]+)/lib/Net/FTP\.pm\z} ? $1 : () } glob LIBNET_DIR . '/*/lib/Net/FTP.pm';
}

# The reason, by version, for each that the image could not be made with.
sub absent_libnets {
    my %reason;
    for my $file (glob LIBNET_DIR . '/*/absent') {
        my ($version) = $file =~ m{([^/]+)/absent\z};
        open my $handle, '<', $file or next;
        chomp($reason{$version} = <$handle> // '');
    }
    return \%reason;
}

# Put another libnet in the place of the platform's, in this process only, which makes no attempt without it.
sub load_libnet {
    my ($version) = @_;
    state $loaded = '';
    return if $loaded eq $version;
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
    $loaded = $version;
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
Observed::watch_resolver();
Observed::watch_read_errors();
Observed::warm_up();

Resident->new(
    name     => 'net-ftp',
    versions => {
        Observed::versions(),
        'Net::FTP'      => "$Net::FTP::VERSION",
        'libnet'        => [libnets()],
        'libnet absent' => absent_libnets(),
    },
    forked     => { attempt => \&attempt },
    keeps      => 1,
    changed_by => 'libnet',
)->run;
