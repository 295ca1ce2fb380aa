<?php
// Upload a file with the wrapper ftps://, which checks certificates.
[, $host, $port, $file, $ca] = $argv;
$context = stream_context_create(["ssl" => ["cafile" => $ca], "ftp" => ["overwrite" => true]]);
ini_set("default_socket_timeout", 4);
$address = "ftps://lab:" . getenv("PASSWORD") . "@$host:$port/delivery.bin";
if (file_put_contents($address, file_get_contents($file), 0, $context) === false) exit(1);
