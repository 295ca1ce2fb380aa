#!/usr/bin/perl

# The baseline of the benchmark: the same program with nothing of the lab around it.
#
#   bare_net_ftp.pl HOST PORT TIMES
#
# Loads Net::FTP once, then TIMES times one after the other: forks, connects, starts TLS, quits. Prints
# the milliseconds of each on one line, as JSON.

use strict;
use warnings;

use JSON::PP ();
use Net::FTP ();
use IO::Socket::SSL ();
use Time::HiRes ();

my ($host, $port, $times) = @ARGV;
my @milliseconds;
for (1 .. $times) {
    my $started = Time::HiRes::time();
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        my $ftp = Net::FTP->new($host, Port => $port, Passive => 1) or die $@;
        $ftp->starttls or die $ftp->message;
        $ftp->quit;
        exit 0;
    }
    waitpid $pid, 0;
    die "an attempt ended with status $?\n" if $?;
    push @milliseconds, 1000 * (Time::HiRes::time() - $started);
}
print JSON::PP::encode_json(\@milliseconds), "\n";
