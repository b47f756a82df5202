<?php
// Swift Mailer: send() returns how many recipients were taken and fills a list of the others.
require '/usr/share/php/Swift/autoload.php';

$job = json_decode(stream_get_contents(STDIN));
if ($job->about) {
    echo json_encode(['version' => Swift::VERSION, 'time_limit' => (new Swift_SmtpTransport())->getTimeout()]), "\n";
    exit;
}
$transport = new Swift_SmtpTransport($job->host, $job->port, $job->ca ? 'tls' : null);
if ($job->ca) {
    $transport->setStreamOptions(['ssl' => ['cafile' => $job->ca]]);
}
if ($job->timeout) {
    $transport->setTimeout($job->timeout);
}
if ($job->login) {
    $transport->setUsername($job->login[0])->setPassword($job->login[1])->setAuthMode(strtolower($job->mechanism));
}
$mailer = new Swift_Mailer($transport);
$messages = [];
foreach ($job->steps as $number) {
    $wanted = $job->mails[$number];
    $messages[$number] ??= (new Swift_Message($wanted->subject))
        ->setFrom([$job->sender => 'Recruiter'])->setTo($wanted->to)
        ->setBody($wanted->text)->addPart("<p>$wanted->text</p>", 'text/html');
    $started = microtime(true);
    $seen = ['ok' => true, 'said' => '', 'more' => ''];
    $failed = [];
    try {
        $count = $mailer->send($messages[$number], $failed);
        if ($failed) {
            $seen = ['ok' => $count > 0, 'said' => "returns $count, failed: " . implode(' ', $failed), 'more' => ''];
        }
    } catch (Exception $error) {
        $seen = ['ok' => false, 'said' => $error->getMessage(), 'more' => '', 'error' => get_class($error)];
    }
    $seen['seconds'] = microtime(true) - $started;
    echo json_encode($seen, JSON_INVALID_UTF8_SUBSTITUTE), "\n";
    if ($seen['ok'] && $job->stop) {
        break;
    }
}
$transport->stop();
