<?php
// What workers in PHP have in common: requests on standard input, answers on descriptor 3, and on descriptor 4
// how far an attempt has come (language_workers.py).

/** The request makes no sense; the text says why. */
class BadRequest extends Exception {}

/** The file to deliver: its name on line after line, cut to its size. */
function payload(array $wanted): string
{
    $line = $wanted['name'] . "\n";
    return substr(str_repeat($line, intdiv($wanted['size'], strlen($line)) + 1), 0, $wanted['size']);
}

/** Answer requests until there are no more; $attempt(array $request, callable $progress): array. */
function serve(array $versions, callable $attempt): void
{
    $on = function (int $descriptor): callable {
        $stream = fopen("php://fd/$descriptor", 'w');
        stream_set_write_buffer($stream, 0);
        return function (array $message) use ($stream): void {
            $line = json_encode($message, JSON_INVALID_UTF8_SUBSTITUTE) . "\n";
            while ($line !== '') {
                $line = substr($line, fwrite($stream, $line));
            }
        };
    };
    [$say, $progress] = [$on(3), $on(4)];
    $say(['ready' => true, 'versions' => $versions]);
    while (($line = fgets(STDIN)) !== false) {
        $request = json_decode($line, true);
        try {
            $say(['result' => $attempt($request, $progress)]);
        } catch (BadRequest $error) {
            $say(['bad_request' => $error->getMessage()]);
        }
    }
}
