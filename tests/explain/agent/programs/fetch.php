<?php
// Fetch an address; what PHP warns of is shown.
$context = stream_context_create(["ssl" => ["cafile" => $argv[2]], "http" => ["timeout" => 5]]);
echo file_get_contents($argv[1], false, $context);
