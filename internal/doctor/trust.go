package doctor

import (
	"strings"
	"time"

	"github.com/regsync/regsync/internal/probe"
)

// soon is how long before its end a certificate is spoken of, and skew by how much two clocks may differ.
const (
	soon = 14 * 24 * time.Hour
	skew = 5 * time.Minute
)

// trust are the traps of certificates that endpoints show, and of clocks.
var trust = []Rule{{
	ID: "endpoint-certificate-expired", Severity: Error, Family: Endpoints,
	Title:  "an endpoint's certificate has expired",
	Cause:  "Every connection that verifies it fails: \"x509: certificate has expired or is not yet valid\".",
	Remedy: "renew it, and let the registry load it",
	check: eachContact(func(_ *Facts, c Contact) []Finding {
		if c.Failure != probe.CertExpired {
			return nil
		}
		return one(c.found("the certificate of %s has expired on %s", c.URL, day(c.NotAfter)))
	}),
}, {
	ID: "endpoint-certificate-expires-soon", Severity: Warning, Family: Endpoints,
	Title:  "an endpoint's certificate expires soon",
	Cause:  "It has less than 14 days. From then on every connection that verifies it fails.",
	Remedy: "renew it, and let the registry load it",
	check: eachContact(func(f *Facts, c Contact) []Finding {
		if c.Failure != "" || c.Lax || c.NotAfter.IsZero() || c.NotAfter.Sub(f.Now) > soon {
			return nil
		}
		return one(c.found("the certificate of %s expires on %s", c.URL, day(c.NotAfter)))
	}),
}, {
	ID: "endpoint-certificate-name", Severity: Error, Family: Endpoints,
	Title:  "an endpoint's certificate is for another name",
	Cause:  "The name or address in the URL is not among the certificate's subject alternative names; the common name does not count. \"x509: certificate is valid for x, not y\".",
	Remedy: "use a name that the certificate has, or have one issued with this name",
	check: eachContact(func(_ *Facts, c Contact) []Finding {
		if c.Failure != probe.CertName {
			return nil
		}
		valid := "it names no host at all"
		if len(c.Names) > 0 {
			valid = "it is for " + strings.Join(c.Names, ", ")
		}
		return one(c.found("the certificate of %s is for another name: %s", c.URL, valid))
	}),
}, {
	ID: "endpoint-certificate-untrusted", Severity: Error, Family: Endpoints,
	Title:  "nobody trusted has signed an endpoint's certificate",
	Cause:  "Neither the system's roots nor the `ca` of the host in hosts.toml know who signed it: \"x509: certificate signed by unknown authority\".",
	Remedy: `name the authority: ca = "/path/ca.crt" below the host; ca under registries or endpoints in the spec`,
	check: eachContact(func(_ *Facts, c Contact) []Finding {
		if c.Failure != probe.CertUntrusted {
			return nil
		}
		return one(c.found("the certificate of %s is signed by an authority that is not known here", c.URL))
	}),
}, {
	ID: "endpoint-wants-client-certificate", Severity: Error, Family: Endpoints,
	Title:  "an endpoint wants a client certificate",
	Cause:  "The registry ends the connection, since it was not shown a certificate that it accepts.",
	Remedy: `name one: client = [["x.cert", "x.key"]] below the host`,
	check: eachContact(func(_ *Facts, c Contact) []Finding {
		if c.Failure != probe.CertWanted {
			return nil
		}
		return one(c.found("%s wants a client certificate, or another one", c.URL))
	}),
}, {
	ID: "clock-skew", Severity: Warning, Family: Endpoints,
	Title:  "the node's clock is wrong",
	Cause:  "Certificates and tokens are valid for a time. A node whose clock is off, as one without a battery is after its start, refuses good certificates and is refused with good tokens.",
	Remedy: "set the clock, and let the node follow a time server: timedatectl set-ntp true",
	check: eachContact(func(_ *Facts, c Contact) []Finding {
		if c.Failure == probe.CertNotYet {
			return one(c.found("the certificate of %s is not valid yet by the node's clock, %s", c.URL, c.At.UTC().Format(time.DateTime)))
		}
		if c.Clock.IsZero() {
			return nil
		}
		if off := c.At.Sub(c.Clock); off.Abs() > skew {
			return one(c.found("the node's clock and that of %s are %s apart", c.URL, off.Abs().Round(time.Second)))
		}
		return nil
	}),
}}

// login are the traps of credentials at endpoints.
var login = []Rule{{
	ID: "endpoint-refuses-credentials", Severity: Error, Family: Endpoints,
	Title:  "an endpoint refuses the credential of its file",
	Cause:  "The header in hosts.toml is sent, and the registry answers 401 or 403: the password was changed, or the account is gone.",
	Remedy: "put the right credential in; with regsync, credentials in the spec and an apply",
	check: eachContact(func(_ *Facts, c Contact) []Finding {
		if !c.Shown || c.Status != 401 && c.Status != 403 || c.Challenge == "bearer" {
			return nil
		}
		return one(c.found("%s refuses the credential of the file: %d", c.URL, c.Status))
	}),
}, {
	ID: "endpoint-token-not-sent", Severity: Error, Family: Endpoints,
	Title:  "containerd 1.x shows a token server no header",
	Cause:  "The registry gives out tokens. containerd before 2.1 sends the header of hosts.toml to the registry itself only, and asks for a token without it: private images cannot be had in this way.",
	Remedy: "use a pull secret, or registry.configs.\"HOST\".auth in containerd's config",
	check: eachContact(func(f *Facts, c Contact) []Finding {
		if !c.Shown || c.Challenge != "bearer" || !f.Version.Before(2, 1) {
			return nil
		}
		return one(c.found("%s gives out tokens, and %s does not show the header to the token server", c.URL, f.who()))
	}),
}, {
	ID: "endpoint-wants-credentials", Severity: Info, Family: Endpoints,
	Title:  "an endpoint wants a user and a password",
	Cause:  "The registry serves nobody without a login, and hosts.toml has none. Pods with a pull secret get their images; those without, and what the node itself pulls, do not.",
	Remedy: "give the pods a pull secret, or the node a credential: credentials in the spec",
	check: eachContact(func(_ *Facts, c Contact) []Finding {
		if c.Shown || c.Directory == "" || c.Status != 401 && c.Status != 403 || c.Challenge == "bearer" {
			return nil
		}
		return one(c.found("%s wants a user and a password, and the file has none: %d", c.URL, c.Status))
	}),
}}

func day(t time.Time) string { return t.UTC().Format("2006-01-02") }
