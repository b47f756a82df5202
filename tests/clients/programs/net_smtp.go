// Go's net/smtp: a Client that is kept, PlainAuth of the library, LOGIN as programs write it.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"os"
	"runtime"
	"strings"
	"time"
)

type mail struct {
	To      []string
	Subject string
	Text    string
}

type job struct {
	Host      string
	Port      int
	Sender    string
	CA        string
	Login     []string
	Mechanism string
	Timeout   int
	Stop      bool
	About     bool
	Steps     []int
	Mails     []mail
}

// The standard library has no LOGIN; this one answers by the words of the challenge.
type loginAuth struct{ username, password string }

func (a loginAuth) Start(*smtp.ServerInfo) (string, []byte, error) { return "LOGIN", nil, nil }

func (a loginAuth) Next(challenge []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	switch string(challenge) {
	case "Username:":
		return []byte(a.username), nil
	case "Password:":
		return []byte(a.password), nil
	}
	return nil, fmt.Errorf("unexpected challenge %q", challenge)
}

func connect(j job) (*smtp.Client, net.Conn, error) {
	conn, err := net.Dial("tcp", fmt.Sprintf("%s:%d", j.Host, j.Port))
	if err != nil {
		return nil, nil, err
	}
	client, err := smtp.NewClient(conn, j.Host)
	if err != nil {
		return nil, nil, err
	}
	if j.CA != "" {
		pem, err := os.ReadFile(j.CA)
		if err != nil {
			return nil, nil, err
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		if err := client.StartTLS(&tls.Config{RootCAs: roots, ServerName: "localhost"}); err != nil {
			return nil, nil, err
		}
	}
	if len(j.Login) == 2 {
		var auth smtp.Auth = smtp.PlainAuth("", j.Login[0], j.Login[1], j.Host)
		if j.Mechanism == "LOGIN" {
			auth = loginAuth{j.Login[0], j.Login[1]}
		}
		if err := client.Auth(auth); err != nil {
			return nil, nil, err
		}
	}
	return client, conn, nil
}

func send(client *smtp.Client, j job, m mail) error {
	if err := client.Mail(j.Sender); err != nil {
		return err
	}
	for _, to := range m.To {
		if err := client.Rcpt(to); err != nil {
			return err
		}
	}
	writer, err := client.Data()
	if err != nil {
		return err
	}
	fmt.Fprintf(writer, "From: Recruiter <%s>\r\nTo: %s\r\nSubject: %s\r\n\r\n%s\r\n",
		j.Sender, strings.Join(m.To, ", "), m.Subject, m.Text)
	return writer.Close()
}

func main() {
	var j job
	if err := json.NewDecoder(os.Stdin).Decode(&j); err != nil {
		panic(err)
	}
	if j.About {
		fmt.Printf("{\"version\": %q, \"time_limit\": null}\n", strings.TrimPrefix(runtime.Version(), "go"))
		return
	}
	var client *smtp.Client
	var conn net.Conn
	for _, number := range j.Steps {
		started := time.Now()
		var err error
		if client == nil {
			client, conn, err = connect(j)
		}
		if err == nil {
			if j.Timeout > 0 {
				conn.SetDeadline(time.Now().Add(time.Duration(j.Timeout) * time.Second))
			}
			err = send(client, j, j.Mails[number])
		}
		seen := map[string]any{"ok": err == nil, "said": "", "more": ""}
		if err != nil {
			seen["said"], seen["error"] = err.Error(), fmt.Sprintf("%T", err)
			var late net.Error
			if client != nil && (errors.As(err, &late) || client.Reset() != nil) {
				client = nil
			}
		}
		seen["seconds"] = time.Since(started).Seconds()
		line, _ := json.Marshal(seen)
		fmt.Println(string(line))
		if err == nil && j.Stop {
			break
		}
	}
	if client != nil {
		client.Quit()
	}
}
