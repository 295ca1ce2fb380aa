package Observed;

# What the agents on IO::Socket::SSL have in common: how they look at an attempt without changing a byte
# of it, and how they put into words what they saw.
#
#   use Observed qw(%seen TRUE FALSE ...);
#   Observed::watch_resolver();                 # once, before the first fork
#   Observed::warm_up();                        # the same
#   my $report = Observed::report(sub {         # in the process of the attempt
#       my ($report, $warnings) = @_;
#       ...;                                    # notes what it sees in %$report
#       Observed::fail();                       # a step has failed, and everything about it is noted
#   });
#
# Perl 5.16 with its core modules and IO::Socket::SSL.

use 5.016;
use strict;
use warnings;

use Errno ();
use Exporter qw(import);
use IO::Socket::SSL ();
use JSON::PP ();
use Net::SSLeay ();
use Socket ();
use Time::HiRes ();

our @EXPORT_OK = qw(
    %seen TRUE FALSE each_once errno_symbol errno_text note_alert note_tls note_verification real_ssl_error
    resolver_symbol trimmed
);

use constant { TRUE => JSON::PP::true(), FALSE => JSON::PP::false() };

# What is observed of the attempt in this process, which makes one at a time.
our %seen;

# What a caller finds in $! that says something about a connection. The rest ("Inappropriate ioctl for
# device", "No such file or directory") is left over from things that perl did on the way.
my %ERRNO = map { (Errno->can($_)->() => $_) } grep { Errno->can($_) } qw(
    EACCES EADDRINUSE EADDRNOTAVAIL ECONNABORTED ECONNREFUSED ECONNRESET EHOSTDOWN EHOSTUNREACH EMFILE
    ENETDOWN ENETRESET ENETUNREACH ENOTCONN EPERM EPIPE EPROTO ETIMEDOUT
);

# The resolver's numbers by their names.
my %EAI = map { my $number = eval { Socket->can($_)->() }; defined $number ? ($number => $_) : () }
    grep { Socket->can($_) }
    qw(EAI_ADDRFAMILY EAI_AGAIN EAI_BADFLAGS EAI_FAIL EAI_FAMILY EAI_NODATA EAI_NONAME EAI_SERVICE
    EAI_SOCKTYPE);

# OpenSSL 1.1.1 and newer reseed their random generator in a forked child by themselves.
my $STIR_RANDOM = Net::SSLeay::OPENSSL_VERSION_NUMBER() < 0x1010100f;

# -- the frame of an attempt -----------------------------------------------------------------------

# The report of an attempt: what is noted while it is walked through, perl's warnings, how long it took.
sub report {
    my ($walk) = @_;
    my $started = Time::HiRes::time();
    %seen = ();
    Net::SSLeay::ERR_clear_error();
    Net::SSLeay::RAND_load_file('/dev/urandom', 32) if $STIR_RANDOM;

    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, trimmed($_[0]) };
    # Perl dies of SIGPIPE unless the program says otherwise. Long-lived callers do say so; that it
    # came is reported.
    local $SIG{PIPE} = sub { push @warnings, 'SIGPIPE: a program without a handler ends here' };

    my %report = (failed => FALSE, library => Net::SSLeay::SSLeay_version(0));
    eval { $walk->(\%report, \@warnings); 1 } or do {
        die $@ if ref $@ ne 'Observed::Failed';
        $report{failed} = TRUE;
    };
    $report{warnings}   = \@warnings;
    $report{elapsed_ms} = 1000 * (Time::HiRes::time() - $started);
    return \%report;
}

# Once, before the first fork: OpenSSL looks up what it is made of when it is first needed, and every child
# would do that anew. IO::Socket::SSL is left alone: it remembers where it once found trust anchors, and a
# child may have another SSL_CERT_FILE.
sub warm_up {
    my $context = Net::SSLeay::CTX_new();
    Net::SSLeay::free(Net::SSLeay::new($context));
    Net::SSLeay::CTX_free($context);
    Net::SSLeay::ERR_clear_error();
    return;
}

# Leave the walk: the step has failed.
sub fail { die bless {}, 'Observed::Failed' }

# What every ready line says of the software that the agents share.
sub versions {
    return (
        'perl'            => sprintf('%vd', $^V),
        'IO::Socket::SSL' => "$IO::Socket::SSL::VERSION",
        'Net::SSLeay'     => "$Net::SSLeay::VERSION",
        'openssl'         => Net::SSLeay::SSLeay_version(0),
    );
}

# -- looking ---------------------------------------------------------------------------------------

# A verify callback that hands on what it is given.
sub note_verification {
    my ($ok, $store) = @_;
    if (!$ok && !defined $seen{verify_code}) {
        $seen{verify_code} = Net::SSLeay::X509_STORE_CTX_get_error($store);
    }
    return $ok;
}

# What a handshake came to.
sub note_tls {
    my ($socket) = @_;
    my $ssl = $socket->_get_ssl_object;
    ($seen{protocol} = $socket->get_sslversion) =~ tr/_/./;
    $seen{cipher} = $socket->get_cipher;
    # An anonymous cipher suite completes without a certificate, whatever the verification mode.
    my $checks = Net::SSLeay::get_verify_mode($ssl) & Net::SSLeay::VERIFY_PEER();
    $seen{verified} = $checks && Net::SSLeay::get_peer_certificate($ssl) ? TRUE : FALSE;
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

# A connection on which reading failed is closed, and closing forgets why.
sub watch_read_errors {
    my $error = IO::Socket::SSL->can('error') or die 'this IO::Socket::SSL has no error';
    no warnings 'redefine';
    *IO::Socket::SSL::error = sub {
        my $errno = $! + 0;
        &$error;
        $seen{read_error} = "$IO::Socket::SSL::SSL_ERROR" if real_ssl_error($IO::Socket::SSL::SSL_ERROR);
        $seen{read_errno} = $errno if errno_symbol($errno);
        return;
    };
    return;
}

# -- in words --------------------------------------------------------------------------------------

# The symbol of a system error that says something about a connection, else undef.
sub errno_symbol { my ($number) = @_; return $ERRNO{$number} }

# The system's words for it.
sub errno_text { my ($symbol) = @_; local $! = Errno->can($symbol)->(); return "$!" }

# The symbol of a resolver's error.
sub resolver_symbol { my ($number) = @_; return $EAI{$number} // "EAI_$number" }

# An error of the TLS library, as against "come again later".
sub real_ssl_error {
    my ($error) = @_;
    return defined $error && length "$error" && "$error" !~ /\ASSL wants a /;
}

# Texts as one, each thing once.
sub each_once {
    my @parts;
    for my $cause (map { trimmed($_) } grep { defined } @_) {
        push @parts, $cause if length $cause && !grep { index($_, $cause) >= 0 } @parts;
    }
    return join '; ', @parts;
}

sub trimmed {
    my ($text) = @_;
    $text = defined $text ? "$text" : '';
    $text =~ s/\A\s+|\s+\z//g;
    utf8::decode($text);
    return $text;
}

1;
