# Upload a file with Net::FTP.
use Net::FTP;
my ($host, $port, $file, $ca, $tls) = @ARGV;
my $ftp = Net::FTP->new($host, Port => $port, Timeout => 4, Passive => 1, SSL_ca_file => $ca, SSL => $tls eq 'implicit' ? 1 : 0)
    or die "cannot connect: $@\n";
if ($tls eq 'tls') { $ftp->starttls or die "starttls: ", $ftp->message, " $@\n" }
$ftp->login('lab', $ENV{PASSWORD}) or die "login: ", $ftp->message, "\n";
$ftp->binary;
$ftp->put($file, 'delivery.bin') or die "put: ", $ftp->message, "\n";
$ftp->quit;
