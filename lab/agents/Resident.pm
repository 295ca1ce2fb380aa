package Resident;

# The runtime of a resident agent written in Perl: the same protocol and the same guarantees as
# resident.py, whose text is the contract. Perl 5.16 and its core modules only.
#
#   use Resident;
#   Resident->new(
#       name     => 'net-ftp',
#       versions => { perl => "$^V" },
#       forked   => { attempt => sub { my ($request, $progress) = @_; ...; return \%result } },
#   )->run;
#
# A forked handler runs in a child in its own process group. $progress->(%fields) sends fields of the
# result ahead; Resident::bad_request($text) refuses the arguments. With keeps => 1 a child makes several
# attempts, one after the other; with changed_by => 'FIELD' those of one value of that field of the request,
# because by that value a handler has changed the process.

use 5.016;
use strict;
use warnings;

use Errno ();
use JSON::PP ();
use POSIX ();
use Storable ();
use Time::HiRes ();

use constant {
    DEADLINE_S  => 30,      # for a request that does not say how long it may take
    STDERR_TAIL => 8192,    # how much of a crashed child's stderr is kept, in bytes
    CHUNK       => 4096,    # a pipe that select() calls writable takes this much without blocking
    GRACE_S     => 2,       # a child whose agent was killed ends itself so long after its deadline
};

my $json = JSON::PP->new->utf8->ascii->canonical->allow_nonref;

sub bad_request {
    my ($text) = @_;
    die bless { text => $text }, 'Resident::BadRequest';
}

sub new {
    my ($class, %arg) = @_;
    return bless {
        name       => $arg{name},
        versions   => $arg{versions} || {},
        forked     => $arg{forked}   || {},
        concurrent => $arg{concurrent} || 32,
        keeps      => $arg{keeps},
        changed_by => $arg{changed_by} // '',
        input      => '',
        output     => '',
        waiting    => [],
        children   => {},                        # by process id
    }, $class;
}

sub run {
    my ($self) = @_;
    local $SIG{TERM} = sub { die "ended by a signal\n" };
    local $SIG{INT}  = $SIG{TERM};
    local $SIG{PIPE} = $SIG{TERM};               # nobody reads the answers any more
    binmode STDIN;
    binmode STDOUT;
    my $ended = eval {
        $self->_send({
            ready => JSON::PP::true, agent => $self->{name}, versions => $self->{versions},
        });
        1 while $self->_turn;
        $self->_flush while length $self->{output} && _writable(1);
        1;
    };
    my $problem = $@;
    $SIG{TERM} = $SIG{INT} = $SIG{PIPE} = 'IGNORE';
    $self->_end_child($_) for values %{ $self->{children} };
    die $problem if !$ended && $problem ne "ended by a signal\n";
    return;
}

# -- the loop --------------------------------------------------------------------------------------

# Wait for the next event and serve it; false when the input has ended.
sub _turn {
    my ($self) = @_;
    my ($readable, $writable) = ('', '');
    vec($readable, 0, 1) = 1;
    vec($writable, 1, 1) = 1 if length $self->{output};
    my $until;
    for my $child (values %{ $self->{children} }) {
        vec($readable, fileno $child->{out}, 1) = 1;
        vec($readable, fileno $child->{err}, 1) = 1 if $child->{err};
        next if !$child->{busy};
        $until = $child->{until} if !defined $until || $child->{until} < $until;
    }
    my $timeout = defined $until ? _at_least_zero($until - _now()) : undef;
    my $count = select $readable, $writable, undef, $timeout;
    if ($count < 0) {
        die "select: $!" if !$!{EINTR};
        return 1;
    }
    my $open_input = 1;
    if ($count) {
        $self->_flush if length $self->{output} && vec $writable, 1, 1;
        $self->_serve_child($_, $readable) for values %{ $self->{children} };
        $open_input = $self->_read_requests if vec $readable, 0, 1;
    }
    $self->_enforce_deadlines;
    while (@{ $self->{waiting} } && $self->_busy < $self->{concurrent}) {
        my $request = shift @{ $self->{waiting} };
        # A library may have read the environment before.
        my $is = $request->{ $self->{changed_by} } // '';
        my ($idle) = grep { !$_->{busy} && $_->{is} eq $is } values %{ $self->{children} };
        _begin($idle && !$request->{environment} ? $idle : $self->_fork($is), $request);
    }
    return $open_input;
}

sub _busy { my ($self) = @_; return scalar grep { $_->{busy} } values %{ $self->{children} } }

sub _now { return Time::HiRes::clock_gettime(Time::HiRes::CLOCK_MONOTONIC()) }

sub _at_least_zero { my ($number) = @_; return $number > 0 ? $number : 0 }

sub _writable {
    my ($timeout_s) = @_;
    my $writable = '';
    vec($writable, 1, 1) = 1;
    return 0 < select undef, $writable, undef, $timeout_s;
}

sub _read_requests {
    my ($self) = @_;
    my $count = sysread STDIN, $self->{input}, 65536, length $self->{input};
    die "standard input: $!" if !defined $count;
    while ($self->{input} =~ s/\A([^\n]*)\n//) {
        my $line = $1;
        $self->_take($line) if $line =~ /\S/;
    }
    return $count;
}

sub _take {
    my ($self, $line) = @_;
    my $id;
    return if eval {
        my $request = eval { $json->decode($line) };
        bad_request("a request is one JSON object on one line: $@") if $@;
        bad_request('a request is a JSON object with an id')
            if ref $request ne 'HASH' || !exists $request->{id};
        $id = $request->{id};
        my $deadline_s = exists $request->{deadline_s} ? $request->{deadline_s} : DEADLINE_S;
        bad_request('deadline_s is a number of seconds, more than 0')
            if ref $deadline_s || ($deadline_s // '') !~ /\A[0-9.eE+-]+\z/ || $deadline_s <= 0;
        my $op = $request->{op} // '';
        bad_request(
            "no op '$op': the agent $self->{name} has " . join ', ', sort keys %{ $self->{forked} })
            if !$self->{forked}{$op};
        push @{ $self->{waiting} }, { %$request, deadline_s => $deadline_s };
        1;
    };
    die $@ if ref $@ ne 'Resident::BadRequest';
    $self->_refuse($id, 'bad-request', $@->{text});
    return;
}

# -- one attempt -----------------------------------------------------------------------------------

sub _fork {
    my ($self, $is) = @_;
    pipe my $given_read, my $given or die "pipe: $!";
    pipe my $out, my $out_write or die "pipe: $!";
    pipe my $err, my $err_write or die "pipe: $!";
    my $pid = fork;
    die "fork: $!" if !defined $pid;
    if (!$pid) {
        # What the agent holds of others is closed: they see its end.
        %{ $self->{children} } = ();
        close $_ for $given, $out, $err;
        _make_attempts(@$self{qw(forked keeps)}, $given_read, $out_write, $err_write);
    }
    # The child does this too; whoever is second is refused, and that is as good.
    setpgrp $pid, $pid;
    return $self->{children}{$pid} =
        { pid => $pid, given => $given, out => $out, err => $err, is => $is };
}

# Hand an attempt over, to a child that has none.
sub _begin {
    my ($child, $request) = @_;
    my $started = _now();
    %$child = (
        %$child, busy => 1, id => $request->{id}, deadline_s => $request->{deadline_s},
        started => $started, until => $started + $request->{deadline_s},
        lines => '', stderr => '', progress => [], answer => undef, kept => 0,
    );
    # One that has ended meanwhile is found out by the end of its answer.
    eval { _write($child->{given}, pack 'N/a*', Storable::freeze($request)) };
    return;
}

# Write all of it.
sub _write {
    my ($file, $data) = @_;
    while (length $data) {
        my $count = syswrite $file, $data;
        die "the agent's pipe: $!" if !defined $count;
        substr $data, 0, $count, '';
    }
    return;
}

sub _serve_child {
    my ($self, $child, $readable) = @_;
    if ($child->{err} && vec $readable, fileno $child->{err}, 1) {
        if (!sysread $child->{err}, $child->{stderr}, 65536, length $child->{stderr}) {
            close delete $child->{err};
        }
    }
    return if !vec $readable, fileno $child->{out}, 1;
    my $more = sysread $child->{out}, $child->{lines}, 65536, length($child->{lines} // '');
    while ($child->{lines} =~ s/\A([^\n]*)\n//) {
        # Words and JSON, which is handed on as it is: JSON::PP is slow. Progress is in hexadecimal digits.
        my ($word, $value) = split / /, $1, 2;
        if ($word eq 'progress') {
            push @{ $child->{progress} }, $value;
        }
        elsif ($word eq 'kept') {
            $child->{kept} = 1;
        }
        else {
            $child->{answer} = { $word => $value };
        }
    }
    if (!$child->{busy}) {
        $self->_end_child($child);
    }
    elsif (!$more || $child->{answer}) {
        $self->_finish($child);
    }
    return;
}

# The child has answered or closed its pipe: keep it, or end its group and reap it; answer.
sub _finish {
    my ($self, $child) = @_;
    my $answer = $child->{answer};
    $child->{busy} = 0;
    my $how = $child->{kept} ? '' : $self->_end_child($child);
    if (!$answer) {
        my $words = substr $child->{stderr}, -_lesser(STDERR_TAIL, length $child->{stderr});
        $words =~ s/\A\s+|\s+\z//g;
        $words = "; its last words:\n" . _text($words) if length $words;
        $self->_refuse($child->{id}, 'crashed',
            "the process of the attempt ended without a result ($how)$words",
            partial => _partial($child));
    }
    elsif (exists $answer->{bad_request}) {
        $self->_refuse($child->{id}, 'bad-request', $json->decode($answer->{bad_request}));
    }
    else {
        my $id = $json->encode($child->{id});
        $self->{output} .= qq({"id":$id,"ok":true,"result":$answer->{result}}\n);
    }
    return;
}

# The fields that the child has sent ahead.
sub _partial {
    my ($child) = @_;
    return { map { %{ Storable::thaw(pack 'H*', $_) } } @{ $child->{progress} } };
}

sub _lesser { my ($one, $other) = @_; return $one < $other ? $one : $other }

sub _enforce_deadlines {
    my ($self) = @_;
    my $now = _now();
    for my $child (grep { $_->{busy} && $now >= $_->{until} } values %{ $self->{children} }) {
        $self->_end_child($child);
        if (my %partial = %{ _partial($child) }) {
            $self->_send({
                id     => $child->{id},
                ok     => JSON::PP::true,
                result => {
                    %partial,
                    failed     => JSON::PP::true,
                    timed_out  => JSON::PP::true,
                    elapsed_ms => 1000 * ($now - $child->{started}),
                },
            });
        }
        else {
            $self->_refuse($child->{id}, 'timed-out',
                "no answer within deadline_s = $child->{deadline_s} s");
        }
    }
    return;
}

# Kill the child's process group and reap the child; how it ended, in words.
#
# A process on its way out has its exit status before its pipe closes and ignores signals from then
# on: the kill ends what it started, and cannot change what is reported of itself.
sub _end_child {
    my ($self, $child) = @_;
    kill 'KILL', -$child->{pid};
    waitpid $child->{pid}, 0;
    my $status = $?;
    close delete $child->{$_} for qw(given out);
    if (my $err = delete $child->{err}) {
        $err->blocking(0);
        1 while sysread $err, $child->{stderr}, 65536, length $child->{stderr};
        close $err;
    }
    delete $self->{children}{ $child->{pid} };
    return $status & 127 ? 'killed by signal ' . ($status & 127) : 'exit status ' . ($status >> 8);
}

# -- out -------------------------------------------------------------------------------------------

# Bytes from outside as text: UTF-8 where it is UTF-8, else each byte as it is.
sub _text {
    my ($bytes) = @_;
    utf8::decode($bytes);
    return $bytes;
}

sub _send {
    my ($self, $message) = @_;
    $self->{output} .= $json->encode($message) . "\n";
    return;
}

sub _refuse {
    my ($self, $id, $kind, $error, %more) = @_;
    $self->_send({ %more, id => $id, ok => JSON::PP::false, kind => $kind, error => $error });
    return;
}

sub _flush {
    my ($self) = @_;
    my $count = syswrite STDOUT, $self->{output}, _lesser(CHUNK, length $self->{output});
    die "standard output: $!" if !defined $count;
    substr $self->{output}, 0, $count, '';
    return;
}

# -- the child -------------------------------------------------------------------------------------

# The child's whole life: make the attempts that are handed over, end without any clean-up.
sub _make_attempts {
    my ($handlers, $keeps, $given, $out, $err) = @_;
    my $done = eval {
        setpgrp 0, 0;
        $SIG{TERM} = $SIG{INT} = $SIG{PIPE} = 'DEFAULT';
        open STDIN,  '<',  '/dev/null' or die "/dev/null: $!";
        open STDOUT, '>&', $err        or die "stdout: $!";
        open STDERR, '>&', $err        or die "stderr: $!";
        STDERR->autoflush(1);
        STDOUT->autoflush(1);
        # Every child would inherit the same seed otherwise, if anything has used rand() already.
        srand;
        my $found = _descriptors();
        while (defined(my $request = _read($given))) {
            my @answer = _attempt($handlers->{ $request->{op} }, $request, $out);
            my $as_found = !$request->{environment} && _descriptors() eq $found;
            # The answer is what ends the parent's wait.
            _send_line($out, kept => 1) if $keeps && $as_found;
            _send_line($out, @answer);
            last if !($keeps && $as_found);
        }
        1;
    };
    print {*STDERR} $@ if !$done;
    POSIX::_exit($done ? 0 : 1);
}

# The next request; undef at the end.
sub _read {
    my ($given) = @_;
    my ($data, $size) = ('', 4);
    while (length $data < $size) {
        sysread $given, $data, $size - length $data, length $data or return;
        $size += unpack 'N', $data if length $data == 4 && $size == 4;
    }
    return Storable::thaw(substr $data, 4);
}

sub _descriptors {
    opendir my $folder, '/proc/self/fd' or die "/proc/self/fd: $!";
    return join ' ', sort readdir $folder;
}

sub _send_line {
    my ($out, $word, $value) = @_;
    return _write($out, "$word " . $json->encode($value) . "\n");
}

# Make one attempt in this process; what the parent is told of it, a word and a value.
sub _attempt {
    my ($handler, $request, $out) = @_;
    # The parent enforces the deadline; this is for a child whose parent was killed.
    Time::HiRes::alarm($request->{deadline_s} + GRACE_S);
    if (my $variables = $request->{environment}) {
        utf8::encode($_) for my @pairs = %{$variables};
        %ENV = (%ENV, @pairs);
    }
    my $secrets = $request->{key_log} ? _key_log() : undef;
    my $progress = sub {
        # Nearly nobody ever reads it: JSON::PP is slow.
        _write($out, 'progress ' . unpack('H*', Storable::freeze({@_})) . "\n");
    };
    my $result = eval { $handler->($request, $progress) };
    Time::HiRes::alarm(0);
    return (bad_request => $@->{text}) if ref $@ eq 'Resident::BadRequest';
    die $@ if $@;
    return (result => $result) if !$secrets;
    delete $ENV{SSLKEYLOGFILE};
    return (result => { %{$result}, key_log => _written($secrets) });
}

# Where this process writes the secrets of its TLS sessions; see resident.py.
sub _key_log {
    return if exists $ENV{SSLKEYLOGFILE};
    open my $file, '+>', undef or die "a file for the key log: $!";
    $ENV{SSLKEYLOGFILE} = "/proc/$$/fd/" . fileno $file;
    return $file;
}

sub _written {
    my ($file) = @_;
    seek $file, 0, 0;
    local $/ = undef;
    return scalar <$file> // '';
}

1;
