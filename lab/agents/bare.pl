#!/usr/bin/perl

# The baseline of the benchmark: the same programs with nothing of the lab around them.
#
#   bare.pl net-ftp|tls-perl HOST PORT TIMES
#
# Loads the program's modules once, then TIMES times one after the other: forks, connects, makes the TLS
# handshake, leaves. Prints the milliseconds of each on one line, as JSON.

use strict;
use warnings;

use JSON::PP ();
use Net::FTP ();
use IO::Socket::SSL ();
use Time::HiRes ();

my ($program, $host, $port, $times) = @ARGV;

my %handshake = (
    'net-ftp' => sub {
        my $ftp = Net::FTP->new($host, Port => $port, Passive => 1) or die $@;
        $ftp->starttls or die $ftp->message;
        $ftp->quit;
    },
    'tls-perl' => sub {
        my $socket = IO::Socket::SSL->new(PeerAddr => $host, PeerPort => $port)
            or die $IO::Socket::SSL::SSL_ERROR;
        $socket->close;
    },
);
my $one = $handshake{$program} or die "no program $program\n";

my @milliseconds;
for (1 .. $times) {
    my $started = Time::HiRes::time();
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        $one->();
        exit 0;
    }
    waitpid $pid, 0;
    die "an attempt ended with status $?\n" if $?;
    push @milliseconds, 1000 * (Time::HiRes::time() - $started);
}
print JSON::PP::encode_json(\@milliseconds), "\n";
