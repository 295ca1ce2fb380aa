# Upload a file.
require "net/ftp"
host, port, file, ca, tls = ARGV
Net::FTP.open(host, port: port.to_i, username: "lab", password: ENV["PASSWORD"], passive: true,
              ssl: tls == "plain" ? false : { ca_file: ca }, open_timeout: 4, read_timeout: 4) do |ftp|
  ftp.putbinaryfile(file, "delivery.bin")
end
