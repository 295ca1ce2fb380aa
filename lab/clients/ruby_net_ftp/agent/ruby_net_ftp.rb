# frozen_string_literal: true

# The worker of the program ruby-net-ftp: Net::FTP of Ruby.
#
# Each attempt makes the calls that a caller makes - new, connect, login, putbinaryfile's storbinary, quit - with
# the options that the request sets, and reports what they returned or raised. A request:
#
#     {"goal": "transfer", "host": "ftp.lab.test", "port": 21, "timeout_s": 10, "tls": true, "implicit": false,
#      "passive": true, "verify": true, "ca_file": null, "ciphers": null, "minimum": null, "maximum": "TLSv1.2",
#      "certificate": null, "key": null, "user": "lab", "password": "...", "protect_data": true,
#      "payload": {"name": "x.txt", "size": 1024}}

require 'json'
require 'net/ftp'
require 'openssl'
require 'socket'
require 'stringio'

class BadRequest < StandardError; end

NEEDED = %w[goal host port timeout_s tls implicit passive verify ca_file ciphers minimum maximum certificate key
            user password protect_data].freeze
# Since openssl 3.2, which Ruby 3.3 has.
GIVES_SECRETS = OpenSSL::SSL::SSLContext.method_defined?(:keylog_cb=)
STEP_OF_COMMAND = {
  'AUTH' => 'starttls', 'USER' => 'login', 'PASS' => 'login', 'TYPE' => 'login', 'PBSZ' => 'protect',
  'PROT' => 'protect', 'QUIT' => 'quit'
}.freeze

# Net::FTP, which keeps what passes through four of its methods.
class ObservedFTP < Net::FTP
  attr_accessor :observer

  private

  def open_socket(*)
    super.tap { observer[:connected] = true }
  end

  def putline(line)
    observer[:step].call(STEP_OF_COMMAND.fetch(line[/\A\w+/], 'put'))
    super
  end

  def getmultiline
    super.tap { |reply| observer[:reply] = reply }
  end

  def start_tls_session(sock)
    observer[:step].call('starttls') unless observer[:report].key?('protocol')
    super.tap do |connection|
      if observer[:report].key?('protocol')
        observer[:report].update('data_protected' => true, 'session_reused' => connection.session_reused?)
      else
        observer[:report].update(
          'protocol' => connection.ssl_version, 'cipher' => connection.cipher[0],
          'verified' => connection.context.verify_mode != OpenSSL::SSL::VERIFY_NONE && !connection.peer_cert.nil?
        )
      end
    end
  end

  def transfercmd(*)
    observer[:report]['data_protected'] = false
    super
  end
end

def tls_options(request, secrets)
  options = {}
  options[:verify_mode] = OpenSSL::SSL::VERIFY_NONE unless request['verify']
  options[:ca_file] = request['ca_file'] if request['ca_file']
  options[:ciphers] = request['ciphers'] if request['ciphers']
  options[:min_version] = version(request['minimum']) if request['minimum']
  options[:max_version] = version(request['maximum']) if request['maximum']
  if request['certificate']
    first, *others = OpenSSL::X509::Certificate.load_file(request['certificate'])
    options.update(cert: first, extra_chain_cert: others, key: OpenSSL::PKey.read(File.read(request['key'])))
  end
  options[:keylog_cb] = ->(_socket, line) { secrets << line << "\n" } if request['key_log'] && GIVES_SECRETS
  options.empty? ? true : options
end

# OpenSSL::SSL::TLS1_2_VERSION of TLSv1.2.
def version(name)
  OpenSSL::SSL.const_get("#{name.delete('v').tr('.', '_')}_VERSION")
end

def payload(wanted)
  line = "#{wanted['name']}\n"
  (line * (wanted['size'] / line.bytesize + 1)).byteslice(0, wanted['size'])
end

def walk(request, observer, secrets)
  timeout = request['timeout_s']
  observer[:step].call('connect')
  options = { passive: request['passive'], open_timeout: timeout, read_timeout: timeout }
  if request['tls']
    options.update(ssl: tls_options(request, secrets), ssl_handshake_timeout: timeout)
    options[:implicit_ftps] = true if request['implicit']
    options[:private_data_connection] = false unless request['protect_data']
  end
  ftp = ObservedFTP.new(nil, options)
  ftp.observer = observer
  begin
    ftp.connect(request['host'], request['port'])
    unless request['goal'] == 'handshake'
      ftp.login(request['user'], request['password'])
      if request['goal'] == 'transfer'
        observer[:step].call('put')
        file = StringIO.new(payload(request['payload']))
        ftp.storbinary("STOR #{request['payload']['name']}", file, Net::FTP::DEFAULT_BLOCKSIZE)
      end
    end
    leave(ftp, request, observer)
  ensure
    ftp.close
  end
end

# Leave politely. Every server closes now, some without a reply: that is no failure.
#
# In TLS 1.3 a server can refuse the client's certificate after the client has finished its part.
def leave(ftp, request, observer)
  ftp.quit
rescue EOFError, SystemCallError, OpenSSL::SSL::SSLError, Net::FTPError => e
  late = request['goal'] == 'handshake' && observer[:report]['protocol'] == 'TLSv1.3'
  raise if late && (e.is_a?(OpenSSL::SSL::SSLError) || e.is_a?(Errno::ECONNRESET))
end

def attempt(request, progress)
  NEEDED.each { |name| raise BadRequest, "an attempt needs #{name}" unless request.key?(name) }
  started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  report = { 'failed' => false, 'library' => OpenSSL::OPENSSL_LIBRARY_VERSION }
  secrets = +''
  observer = { report: report, reply: '', connected: false }
  observer[:step] = lambda do |name|
    report['step'] = name
    progress.call(report)
  end
  begin
    walk(request, observer, secrets)
  rescue Net::FTPError, SystemCallError, SocketError, IOError, OpenSSL::OpenSSLError, Timeout::Error, ArgumentError => e
    report['failed'] = true
    report['step'] = 'greeting' if report['step'] == 'connect' && observer[:connected]
    # What a script that does not handle it leaves on the screen, without the place.
    report['message'] = "#{e.message.chomp} (#{e.class})"
    report['error'] = report['message']
    report['errno'] = symbol(e)
  end
  reply = observer[:reply].lines.last.to_s.chomp
  report.update('reply_code' => reply[0, 3].to_i, 'reply_text' => reply[4..].to_s) if reply =~ /\A\d{3}/
  report['elapsed_ms'] = (Process.clock_gettime(Process::CLOCK_MONOTONIC) - started) * 1000
  report['key_log'] = secrets if request['key_log'] && GIVES_SECRETS
  report
end

# The symbol of the system's or the resolver's error.
def symbol(error)
  return 'ETIMEDOUT' if error.is_a?(Timeout::Error)
  return error.class.name.split('::').last if error.is_a?(SystemCallError)

  nil
end

say, progress = [3, 4].map do |descriptor|
  stream = IO.for_fd(descriptor, 'w')
  stream.sync = true
  ->(message) { stream.write("#{JSON.generate(message)}\n") }
end

OpenSSL::SSL::SSLContext.new.set_params({})
# The resolver's libraries are loaded at the first look-up.
begin
  Addrinfo.getaddrinfo('localhost', 21)
rescue SocketError
  nil
end
say.call(
  'ready' => true,
  'versions' => { 'ruby' => RUBY_VERSION, 'net-ftp' => Net::FTP::VERSION, 'openssl' => OpenSSL::OPENSSL_LIBRARY_VERSION }
)
$stdin.each_line do |line|
  request = JSON.parse(line)
  begin
    say.call('result' => attempt(request, progress))
  rescue BadRequest => e
    say.call('bad_request' => e.message)
  end
end
