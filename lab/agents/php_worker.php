<?php
// What workers in PHP have in common: requests on standard input, answers on descriptor 3
// (language_workers.py).

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
    $answers = fopen('php://fd/3', 'w');
    stream_set_write_buffer($answers, 0);
    $say = function (array $message) use ($answers): void {
        $line = json_encode($message, JSON_INVALID_UTF8_SUBSTITUTE) . "\n";
        while ($line !== '') {
            $line = substr($line, fwrite($answers, $line));
        }
    };
    $say(['ready' => true, 'versions' => $versions]);
    while (($line = fgets(STDIN)) !== false) {
        $request = json_decode($line, true);
        $progress = fn(array $fields) => $say(['progress' => $fields]);
        try {
            $say(['result' => $attempt($request, $progress)]);
        } catch (BadRequest $error) {
            $say(['bad_request' => $error->getMessage()]);
        }
    }
}
