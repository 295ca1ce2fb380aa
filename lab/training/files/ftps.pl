# Uploads a file over FTPS with Perl's Net::FTP: perl ftps.pl HOST PORT USER PASSWORD FILE.

use strict;
use warnings;
use Net::FTP;

my ($host, $port, $user, $password, $file) = @ARGV;
my $ftp = Net::FTP->new($host, Port => $port, Timeout => 10) or die "$@\n";
$ftp->starttls or die 'FTP failed to start tls: ', $ftp->message, "$@\n";
$ftp->login($user, $password) or die $ftp->message;
$ftp->binary;
$ftp->put($file) or die $ftp->message;
print $ftp->message, $ftp->get_sslversion, ' ', $ftp->get_cipher, "\n";
$ftp->quit;
