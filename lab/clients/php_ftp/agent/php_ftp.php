<?php
// The worker of the program php-ftp: the FTP functions of PHP.
//
// Each attempt makes the calls that a script makes - ftp_ssl_connect, ftp_login, ftp_pasv, ftp_put, ftp_close -
// and reports what they returned and the warnings that they raised, which is all that PHP tells. A request:
//
//     {"goal": "transfer", "host": "ftp.lab.test", "port": 21, "timeout_s": 10, "tls": true, "passive": true,
//      "user": "lab", "password": "...", "payload": {"name": "x.txt", "size": 1024}}

require __DIR__ . '/php_worker.php';

// Warnings of functions that work inside ftp_login before it sends the user's name.
const TLS_WARNINGS = '/SSL\/TLS handshake failed|failed to create the SSL|Unable to create SSL/i';

function attempt(array $request, callable $progress): array
{
    foreach (['goal', 'host', 'port', 'timeout_s', 'tls', 'passive', 'user', 'password'] as $name) {
        if (!array_key_exists($name, $request)) {
            throw new BadRequest("an attempt needs $name");
        }
    }
    $warnings = [];
    set_error_handler(function (int $level, string $text) use (&$warnings): bool {
        $warnings[] = $text;
        return true;
    });
    $started = hrtime(true);
    $report = ['failed' => false, 'library' => LIBRARY, 'verified' => $request['tls'] ? false : null];
    $walk = function () use ($request, $progress, &$report): bool {
        $step = function (string $name) use (&$report, $progress): void {
            $report['step'] = $name;
            $progress($report);
        };
        $step('connect');
        $connect = $request['tls'] ? 'ftp_ssl_connect' : 'ftp_connect';
        $ftp = $connect($request['host'], $request['port'], (int) ceil($request['timeout_s']));
        if ($ftp === false) {
            return false;
        }
        $step('login');
        $done = ftp_login($ftp, $request['user'], $request['password']);
        if ($done && $request['passive']) {
            $step('put');
            $done = ftp_pasv($ftp, true);
        }
        if ($done && $request['goal'] === 'transfer') {
            $step('put');
            $file = tmpfile();
            fwrite($file, payload($request['payload']));
            $path = stream_get_meta_data($file)['uri'];
            $done = ftp_put($ftp, $request['payload']['name'], $path, FTP_BINARY);
            fclose($file);
        }
        if ($done) {
            $step('quit');
        }
        ftp_close($ftp);
        return $done;
    };
    $report['failed'] = !$walk();
    restore_error_handler();
    if ($report['failed'] && $report['step'] === 'connect' && !$warnings) {
        $report = array_merge($report, why_not($request));
    }
    $report['elapsed_ms'] = (hrtime(true) - $started) / 1e6;
    if ($report['failed']) {
        if ($report['step'] === 'login' && preg_grep(TLS_WARNINGS, $warnings)) {
            $report['step'] = 'starttls';
        }
        $report['error'] = implode('; ', $warnings);
        $report['message'] = implode("\n", array_map(fn($text) => "Warning: $text", $warnings));
    } else {
        $report['warnings'] = $warnings;
    }
    return $report;
}

/**
 * Why there is no connection: PHP's functions say nothing of it. The system is asked by another one.
 */
function why_not(array $request): array
{
    $limit = min(1.0, $request['timeout_s']);
    $socket = @fsockopen($request['host'], $request['port'], $number, $text, $limit);
    if ($socket === false) {
        return ['errno' => ERRNO[$number] ?? null];
    }
    fclose($socket);
    return ['step' => 'greeting'];
}

// errno(3) of Linux.
const ERRNO = [
    101 => 'ENETUNREACH', 104 => 'ECONNRESET', 110 => 'ETIMEDOUT', 111 => 'ECONNREFUSED', 113 => 'EHOSTUNREACH',
];

/** The TLS library, as it says itself: the constant has the version that PHP was built with. */
function library(): string
{
    ob_start();
    phpinfo(INFO_MODULES);
    preg_match('/^OpenSSL Library Version => (.*)$/m', ob_get_clean(), $found);
    return $found[1] ?? OPENSSL_VERSION_TEXT;
}

define('LIBRARY', library());
$versions = ['php' => PHP_VERSION, 'openssl' => LIBRARY, 'ftp' => function_exists('ftp_ssl_connect')];
serve($versions, 'attempt');
