<?php
// Symfony Mailer: one transport, one Email object for each mail.
require '/usr/share/php/Symfony/Component/Mailer/autoload.php';
use Symfony\Component\Mailer\Mailer;
use Symfony\Component\Mailer\Transport\Smtp\Auth\LoginAuthenticator;
use Symfony\Component\Mailer\Transport\Smtp\Auth\PlainAuthenticator;
use Symfony\Component\Mailer\Transport\Smtp\EsmtpTransport;
use Symfony\Component\Mime\Email;

$job = json_decode(stream_get_contents(STDIN));
if ($job->about) {
    echo json_encode(['version' => '', 'time_limit' => (new EsmtpTransport())->getStream()->getTimeout()]), "\n";
    exit;
}
$transport = new EsmtpTransport($job->host, $job->port, false);
$stream = $transport->getStream();
if ($job->ca) {
    $stream->setStreamOptions(['ssl' => ['cafile' => $job->ca]]);
}
if ($job->timeout) {
    $stream->setTimeout($job->timeout);
}
if ($job->login) {
    $transport->setUsername($job->login[0]);
    $transport->setPassword($job->login[1]);
    $one = $job->mechanism == 'LOGIN' ? new LoginAuthenticator() : new PlainAuthenticator();
    if (method_exists($transport, 'setAuthenticators')) {
        $transport->setAuthenticators([$one]);
    } else {
        // 5.4 has no setter: what is asked for is left alone in its list.
        $list = new ReflectionProperty(EsmtpTransport::class, 'authenticators');
        $list->setAccessible(true);
        $list->setValue($transport, [$one]);
    }
}
$mailer = new Mailer($transport);
$emails = [];
foreach ($job->steps as $number) {
    $wanted = $job->mails[$number];
    $emails[$number] ??= (new Email())
        ->from("Recruiter <$job->sender>")->to(...$wanted->to)->subject($wanted->subject)
        ->text($wanted->text)->html("<p>$wanted->text</p>");
    $started = microtime(true);
    $seen = ['ok' => true, 'said' => '', 'more' => ''];
    try {
        $mailer->send($emails[$number]);
    } catch (Exception $error) {
        $more = method_exists($error, 'getDebug') ? $error->getDebug() : '';
        $seen = ['ok' => false, 'said' => $error->getMessage(), 'more' => $more, 'error' => get_class($error)];
    }
    $seen['seconds'] = microtime(true) - $started;
    echo json_encode($seen, JSON_INVALID_UTF8_SUBSTITUTE), "\n";
    if ($seen['ok'] && $job->stop) {
        break;
    }
}
