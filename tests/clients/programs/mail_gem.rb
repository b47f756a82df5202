# The mail gem (ActionMailer's): deliver! on a Mail::Message, a connection for each mail.
require 'json'
require 'mail'

$stdout.sync = true
job = JSON.parse($stdin.read)
if job['about']
  shipped = Mail::SMTP.new({}).settings[:read_timeout] || Net::SMTP.new('127.0.0.1').read_timeout
  puts JSON.generate(version: Mail::VERSION.version, time_limit: shipped)
  exit
end
settings = { address: job['host'], port: job['port'], domain: 'crm.example', enable_starttls_auto: !job['ca'].empty? }
settings[:ca_file] = job['ca'] unless job['ca'].empty?
settings[:read_timeout] = job['timeout'] if job['timeout']
if job['login']
  settings.merge!(user_name: job['login'][0], password: job['login'][1], authentication: job['mechanism'].downcase)
end
Mail.defaults { delivery_method :smtp, settings }

mails = {}
job['steps'].each do |number|
  wanted = job['mails'][number]
  mails[number] ||= Mail.new do
    from "Recruiter <#{job['sender']}>"
    to wanted['to']
    subject wanted['subject']
    text_part { body wanted['text'] }
    html_part { content_type 'text/html; charset=UTF-8'; body "<p>#{wanted['text']}</p>" }
  end
  started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  seen = { ok: true, said: '', more: '' }
  begin
    mails[number].deliver!
  rescue StandardError => e
    more = e.respond_to?(:response) && e.response ? e.response.string : ''
    seen = { ok: false, said: e.message, more: more, error: e.class.name }
  end
  seen[:seconds] = Process.clock_gettime(Process::CLOCK_MONOTONIC) - started
  puts JSON.generate(seen)
  break if seen[:ok] && job['stop']
end
