# Net::SMTP: every step returns true or false, the words are in message().
use strict;
use warnings;
use JSON::PP;
use Net::SMTP;
use Time::HiRes 'time';

my $job = decode_json(do { local $/; <STDIN> });
if ($job->{about}) {
    print encode_json({ version => $Net::SMTP::VERSION, time_limit => 120 }), "\n";
    exit;
}
$| = 1;
my $smtp;

sub connected {
    my $client = Net::SMTP->new($job->{host}, Port => $job->{port}, $job->{timeout} ? (Timeout => $job->{timeout}) : ())
        or die "no connection: $@\n";
    $client->starttls(SSL_ca_file => $job->{ca}, SSL_verifycn_name => 'localhost') or die "no TLS: $@\n" if $job->{ca};
    if ($job->{login}) {
        require Authen::SASL;
        my ($user, $password) = @{ $job->{login} };
        my $sasl = Authen::SASL->new(
            mechanism => $job->{mechanism},
            callback  => { user => $user, pass => $password, authname => $user });
        $client->auth($sasl) or die "refused: " . $client->message;
    }
    return $client;
}

sub send_mail {
    my $wanted = shift;
    $smtp ||= connected();
    my @to = @{ $wanted->{to} };
    $smtp->mail($job->{sender}) or die $smtp->message;
    $smtp->to(@to, $job->{partial} ? { SkipBad => 1 } : ()) or die $smtp->message;
    my $to = join ', ', @to;
    my $text = "From: Recruiter <$job->{sender}>\nTo: $to\nSubject: $wanted->{subject}\n\n$wanted->{text}\n";
    $smtp->data($text) or die(($smtp->message // '') || "nothing\n");
}

for my $number (@{ $job->{steps} }) {
    my $started = time;
    my $seen = { ok => JSON::PP::true, said => '', more => '' };
    unless (eval { send_mail($job->{mails}[$number]); 1 }) {
        $seen = { ok => JSON::PP::false, said => "$@", more => '', error => 'false' };
        # A program that goes on must end the transaction by itself.
        unless ($smtp && $smtp->reset) { undef $smtp }
    }
    $seen->{seconds} = time - $started;
    print encode_json($seen), "\n";
    last if $seen->{ok} && $job->{stop};
}
$smtp->quit if $smtp;
