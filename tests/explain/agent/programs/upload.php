<?php
// Upload a file with the functions of ext/ftp.
[, $host, $port, $file, $tls] = $argv;
$ftp = $tls == "plain" ? ftp_connect($host, $port, 4) : ftp_ssl_connect($host, $port, 4);
if ($ftp === false) exit(1);
ftp_set_option($ftp, FTP_TIMEOUT_SEC, 4);
if (!ftp_login($ftp, "lab", getenv("PASSWORD"))) exit(1);
ftp_pasv($ftp, true);
if (!ftp_put($ftp, "delivery.bin", $file, FTP_BINARY)) exit(1);
ftp_close($ftp);
