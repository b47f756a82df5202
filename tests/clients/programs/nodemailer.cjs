// nodemailer with a pool of one connection: info.rejected where only some were refused.
const nodemailer = require('nodemailer');
const fs = require('fs');

const job = JSON.parse(fs.readFileSync(0));
if (job.about) {
  const source = fs.readFileSync(require.resolve('nodemailer/lib/smtp-connection'), 'utf8');
  const limit = /SOCKET_TIMEOUT = ([\d *]+)/.exec(source);
  const seconds = limit ? limit[1].split('*').reduce((product, part) => product * part, 1) / 1000 : null;
  const version = require('nodemailer/package.json').version;
  console.log(JSON.stringify({ version, time_limit: seconds }));
  process.exit();
}
const transport = nodemailer.createTransport({
  host: job.host,
  port: job.port,
  secure: false,
  pool: true,
  maxConnections: 1,
  ignoreTLS: !job.ca,
  tls: job.ca ? { ca: fs.readFileSync(job.ca), servername: 'localhost' } : undefined,
  auth: job.login ? { user: job.login[0], pass: job.login[1] } : undefined,
  authMethod: job.mechanism || undefined,
  socketTimeout: job.timeout ? job.timeout * 1000 : undefined,
});
const mails = {};

async function main() {
  for (const number of job.steps) {
    const wanted = job.mails[number];
    mails[number] ??= {
      from: `Recruiter <${job.sender}>`,
      to: wanted.to,
      subject: wanted.subject,
      text: wanted.text,
      html: `<p>${wanted.text}</p>`,
    };
    const started = Date.now();
    let seen = { ok: true, said: '', more: '' };
    try {
      const info = await transport.sendMail(mails[number]);
      if (info.rejected && info.rejected.length) {
        seen.said = 'info.rejected: ' + info.rejected.join(' ');
        seen.more = info.rejectedErrors.map((error) => error.response).join('\n');
      }
    } catch (error) {
      seen = { ok: false, said: error.message, more: error.response || '', error: error.code };
    }
    seen.seconds = (Date.now() - started) / 1000;
    console.log(JSON.stringify(seen));
    if (seen.ok && job.stop) break;
  }
  transport.close();
}

main();
