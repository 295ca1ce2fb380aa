# Fetch an address with LWP.
use LWP::UserAgent;
my $agent = LWP::UserAgent->new(timeout => 4, ssl_opts => { SSL_ca_file => $ARGV[1] });
my $answer = $agent->get($ARGV[0]);
die $answer->status_line, "\n", $answer->content, "\n" unless $answer->is_success;
print $answer->content;
