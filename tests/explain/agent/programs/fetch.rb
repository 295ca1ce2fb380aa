# Fetch an address.
require "net/http"
address = URI(ARGV[0])
Net::HTTP.start(address.host, address.port, use_ssl: true, ca_file: ARGV[1], open_timeout: 4, read_timeout: 4, max_retries: 0) do |http|
  puts http.get("/").body
end
