<?php
// PHPMailer: what a program sees that sends with SMTPKeepAlive and prints the exception.
require getenv('PHPMAILER') ?: '/usr/share/php/libphp-phpmailer/autoload.php';
use PHPMailer\PHPMailer\PHPMailer;
use PHPMailer\PHPMailer\SMTP;

$job = json_decode(stream_get_contents(STDIN));
if ($job->about) {
    echo json_encode(['version' => PHPMailer::VERSION, 'time_limit' => (new PHPMailer())->Timeout]), "\n";
    exit;
}
$mailers = [];
$smtp = new SMTP();
foreach ($job->steps as $number) {
    $mail = $mailers[$number] ?? null;
    if (!$mail) {
        $wanted = $job->mails[$number];
        $mail = $mailers[$number] = new PHPMailer(true);
        $mail->isSMTP();
        $mail->setSMTPInstance($smtp);
        $mail->SMTPKeepAlive = true;
        $mail->Host = $job->host;
        $mail->Port = $job->port;
        $mail->SMTPAutoTLS = (bool) $job->ca;
        if ($job->ca) {
            $mail->SMTPOptions = ['ssl' => ['cafile' => $job->ca]];
        }
        if ($job->timeout) {
            $mail->Timeout = $smtp->Timelimit = $job->timeout;
        }
        if ($job->login) {
            $mail->SMTPAuth = true;
            [$mail->Username, $mail->Password] = $job->login;
            $mail->AuthType = $job->mechanism;
        }
        $mail->setFrom($job->sender, 'Recruiter');
        foreach ($wanted->to as $address) {
            $mail->addAddress($address);
        }
        $mail->Subject = $wanted->subject;
        $mail->isHTML();
        $mail->Body = "<p>$wanted->text</p>";
        $mail->AltBody = $wanted->text;
    }
    $started = microtime(true);
    $seen = ['ok' => true, 'said' => '', 'more' => ''];
    try {
        $mail->send();
    } catch (Exception $error) {
        $seen = ['ok' => false, 'said' => $error->getMessage(), 'more' => $mail->ErrorInfo, 'error' => get_class($error)];
    }
    $seen['seconds'] = microtime(true) - $started;
    echo json_encode($seen, JSON_INVALID_UTF8_SUBSTITUTE), "\n";
    if ($seen['ok'] && $job->stop) {
        break;
    }
}
$smtp->quit();
