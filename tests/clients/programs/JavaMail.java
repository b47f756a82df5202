// JavaMail and Jakarta Mail (the run puts the package's name in): one Transport, sendMessage.
import MAIL.*;
import MAIL.internet.*;
import java.util.*;

public class JavaMail {
    // Arguments: host port sender ca login password mechanism timeout partial steps stop, then the mails
    // as "to,to,to" subject text.
    public static void main(String[] job) throws Exception {
        if (job[0].equals("about")) {
            // No time limit is set unless mail.smtp.timeout is.
            System.out.println("{\"version\":\"\",\"time_limit\":null}");
            return;
        }
        Properties settings = new Properties();
        settings.put("mail.smtp.host", job[0]);
        settings.put("mail.smtp.port", job[1]);
        if (!job[3].isEmpty()) {
            settings.put("mail.smtp.starttls.enable", "true");
            settings.put("mail.smtp.starttls.required", "true");
            settings.put("mail.smtp.ssl.trust", "127.0.0.1");
        }
        if (!job[4].isEmpty()) {
            settings.put("mail.smtp.auth", "true");
            settings.put("mail.smtp.auth.mechanisms", job[6]);
        }
        if (!job[7].isEmpty()) settings.put("mail.smtp.timeout", job[7] + "000");
        if (job[8].equals("true")) settings.put("mail.smtp.sendpartial", "true");
        Session session = Session.getInstance(settings);
        Transport transport = session.getTransport("smtp");
        Map<Integer, MimeMessage> messages = new HashMap<>();
        for (String step : job[9].split(",")) {
            int number = Integer.parseInt(step);
            MimeMessage message = messages.get(number);
            if (message == null) {
                message = new MimeMessage(session);
                message.setFrom(new InternetAddress(job[2], "Recruiter"));
                message.setRecipients(Message.RecipientType.TO, InternetAddress.parse(job[11 + 3 * number]));
                message.setSubject(job[12 + 3 * number]);
                message.setSentDate(new Date());
                MimeBodyPart text = new MimeBodyPart();
                text.setText(job[13 + 3 * number]);
                MimeBodyPart html = new MimeBodyPart();
                html.setContent("<p>" + job[13 + 3 * number] + "</p>", "text/html");
                message.setContent(new MimeMultipart("alternative", text, html));
                messages.put(number, message);
            }
            long started = System.nanoTime();
            String error = "", said = "", more = "";
            try {
                // What Transport.send() does, on a connection that is kept.
                message.saveChanges();
                if (!transport.isConnected()) {
                    if (job[4].isEmpty()) transport.connect();
                    else transport.connect(job[4], job[5]);
                }
                transport.sendMessage(message, message.getAllRecipients());
            } catch (MessagingException thrown) {
                error = thrown.getClass().getName();
                said = String.valueOf(thrown.getMessage());
                Exception next = thrown.getNextException();
                while (next != null) {
                    more += next.getMessage() + "\n";
                    next = next instanceof MessagingException ? ((MessagingException) next).getNextException() : null;
                }
            }
            double seconds = (System.nanoTime() - started) / 1e9;
            System.out.println("{\"ok\":" + error.isEmpty() + ",\"said\":" + quoted(said) + ",\"more\":"
                + quoted(more) + ",\"error\":" + quoted(error) + ",\"seconds\":" + seconds + "}");
            if (error.isEmpty() && job[10].equals("true")) break;
        }
        transport.close();
    }

    static String quoted(String text) {
        StringBuilder json = new StringBuilder("\"");
        for (char letter : text.toCharArray()) {
            if (letter == '"' || letter == '\\') json.append('\\').append(letter);
            else if (letter < ' ') json.append(String.format("\\u%04x", (int) letter));
            else json.append(letter);
        }
        return json.append('"').toString();
    }
}
