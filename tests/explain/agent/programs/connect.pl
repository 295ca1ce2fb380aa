# Connect with IO::Socket::SSL.
use IO::Socket::SSL;
my ($host, $port, $ca) = @ARGV;
my $socket = IO::Socket::SSL->new(PeerHost => $host, PeerPort => $port, SSL_ca_file => $ca, SSL_hostname => $host,
    SSL_verifycn_scheme => 'http', Timeout => 4) or die "failed: $!, $SSL_ERROR\n";
print $socket "GET / HTTP/1.0\r\n\r\n";
my @lines = <$socket>;
die "read: $!, $SSL_ERROR\n" unless @lines;
