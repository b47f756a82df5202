# Net::SMTP: the exception's message, and its response where there is one.
require 'json'
require 'net/smtp'

$stdout.sync = true
job = JSON.parse($stdin.read)
if job['about']
  puts JSON.generate(version: Net::SMTP::VERSION, time_limit: Net::SMTP.new('127.0.0.1').read_timeout)
  exit
end
smtp = nil

connected = lambda do
  client = Net::SMTP.new(job['host'], job['port'])
  client.read_timeout = job['timeout'] if job['timeout']
  unless job['ca'].empty?
    context = Net::SMTP.default_ssl_context
    context.cert_store = nil
    context.ca_file = job['ca']
    client.enable_starttls(context)
  else
    client.disable_starttls if client.respond_to?(:disable_starttls)
  end
  if job['login']
    client.start('crm.example', *job['login'], job['mechanism'].downcase.to_sym)
  else
    client.start('crm.example')
  end
  client
end

job['steps'].each do |number|
  wanted = job['mails'][number]
  text = "From: Recruiter <#{job['sender']}>\r\nTo: #{wanted['to'].join(', ')}\r\n" \
         "Subject: #{wanted['subject']}\r\n\r\n#{wanted['text']}\r\n"
  started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  seen = { ok: true, said: '', more: '' }
  begin
    smtp ||= connected.call
    smtp.send_message(text, job['sender'], wanted['to'])
  rescue StandardError => e
    more = e.respond_to?(:response) && e.response ? e.response.string : ''
    seen = { ok: false, said: e.message, more: more, error: e.class.name }
    begin
      smtp&.rset
    rescue StandardError
      smtp = nil
    end
    smtp = nil if e.is_a?(Net::ReadTimeout)
  end
  seen[:seconds] = Process.clock_gettime(Process::CLOCK_MONOTONIC) - started
  puts JSON.generate(seen)
  break if seen[:ok] && job['stop']
end
smtp&.finish
