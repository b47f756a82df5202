# Email::Sender::Transport::SMTP::Persistent, the mail from Email::Simple.
use strict;
use warnings;
use Email::Sender::Simple 'sendmail';
use Email::Sender::Transport::SMTP::Persistent;
use Email::Simple;
use JSON::PP;
use Time::HiRes 'time';

my $job = decode_json(do { local $/; <STDIN> });
if ($job->{about}) {
    my $limit = Email::Sender::Transport::SMTP->new->timeout;
    print encode_json({ version => "$Email::Sender::VERSION", time_limit => $limit }), "\n";
    exit;
}
$| = 1;
my $transport = Email::Sender::Transport::SMTP::Persistent->new({
    host => $job->{host},
    port => $job->{port},
    $job->{timeout} ? (timeout => $job->{timeout}) : (),
    $job->{partial} ? (allow_partial_success => 1) : (),
    $job->{ca} ? (ssl => 'starttls', ssl_options => { SSL_ca_file => $job->{ca}, SSL_verifycn_name => 'localhost' }) : (),
    $job->{login} ? (sasl_username => $job->{login}[0], sasl_password => $job->{login}[1]) : (),
});
my %mails;
for my $number (@{ $job->{steps} }) {
    my $wanted = $job->{mails}[$number];
    $mails{$number} ||= Email::Simple->create(
        header => [ From => "Recruiter <$job->{sender}>", To => join(', ', @{ $wanted->{to} }), Subject => $wanted->{subject} ],
        body => "$wanted->{text}\n");
    my $started = time;
    my $seen = { ok => JSON::PP::true, said => '', more => '' };
    my $result = eval { sendmail($mails{$number}, { from => $job->{sender}, to => $wanted->{to}, transport => $transport }) };
    if (my $error = $@) {
        my $more = join "\n", map { $_->message } ($error->can('failures') ? $error->failures : ());
        my $said = ref $error && $error->can('message') ? $error->message : "$error";
        $seen = { ok => JSON::PP::false, said => $said, more => $more, error => ref $error };
    } elsif ($result->can('failure') && $result->failure) {
        $seen->{more} = join "\n", map { $_->message } $result->failure->can('failures') ? $result->failure->failures : $result->failure;
    }
    $seen->{seconds} = time - $started;
    print encode_json($seen), "\n";
    last if $seen->{ok} && $job->{stop};
}
eval { $transport->disconnect };
