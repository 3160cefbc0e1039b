package doctor

import (
	"errors"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/regsync/regsync/internal/probe"
)

// authority are the traps of certificates and credentials in certs.d.
var authority = []Rule{{
	ID: "hosts-toml-client-list", Severity: Error, Family: HostsTOML,
	Title:  "a client certificate as a flat list",
	Cause:  "`client = [\"x.cert\", \"x.key\"]` means two files that each hold a certificate and a key. containerd then fails every pull of the registry, also those that another host would serve.",
	Remedy: `write a list of pairs: client = [["x.cert", "x.key"]]`,
	check: each(func(_ *Facts, s site) []Finding {
		for _, e := range s.entries {
			if e.flatPair() && s.failing() != nil {
				return one(found(s.file(), e.line, "client is a flat list, which means two certificates and no key: %s fails", s.pulls()))
			}
		}
		return nil
	}),
}, {
	ID: "certs-d-unusable-certificate", Severity: Error, Family: CertsD,
	Title:  "a certificate file that containerd cannot use",
	Cause:  "A `ca` that is missing or no PEM, a `client` that is missing, Docker's x.cert without x.key: one such file fails every pull of the registry, and not only those of its host.",
	Remedy: "put the file there, or take its name out",
	check: eachDirectory(func(_ *Facts, d Directory) []Finding {
		s := newSite(d)
		err := s.failing()
		if err == nil || misplaced(err) || slices.ContainsFunc(s.entries, entry.flatPair) {
			return nil
		}
		line := 0
		for _, e := range s.entries {
			for _, name := range append([]string{e.value}, e.list...) {
				if key := e.path[len(e.path)-1]; line == 0 && name != "" && (key == "ca" || key == "client") && strings.Contains(err.Error(), path.Base(name)) {
					line = e.line
				}
			}
		}
		if s.Hosts.Data == nil {
			return one(found(d.Path, 0, "%s fails: %v", s.pulls(), err))
		}
		return one(found(s.file(), line, "%s fails: %v", s.pulls(), err))
	}),
}, {
	ID: "certs-d-certificates-unread", Severity: Warning, Family: CertsD,
	Title:  "certificates in Docker's way beside a hosts.toml",
	Cause:  "`ca.crt`, `client.cert` and `client.key` are read only where there is no valid hosts.toml. Whoever adds one switches them off.",
	Remedy: `name the files in hosts.toml, as ca and client of the hosts that they are for`,
	check: each(func(_ *Facts, s site) []Finding {
		if len(s.Hosts.Data) == 0 || s.broken || s.ours() || s.ignored() {
			return nil
		}
		for _, name := range s.Files {
			if ext := path.Ext(name); ext != ".crt" && ext != ".cert" {
				continue
			}
			if !strings.Contains(string(s.Hosts.Data), name) {
				return one(found(path.Join(s.Path, name), 0, "the file is not read: hosts.toml beside it does not name it"))
			}
		}
		return nil
	}),
}, {
	ID: "certificate-file-expired", Severity: Error, Family: CertsD,
	Title:  "a certificate file that is not valid now",
	Cause:  "A CA or a client certificate that certs.d names has expired, or is not valid yet by the node's clock. Connections that need it fail.",
	Remedy: "put a valid certificate there, and look at the node's clock",
	check: func(f *Facts) []Finding {
		var all []Finding
		for _, c := range f.Certificates {
			switch {
			case f.Now.After(c.NotAfter):
				all = append(all, found(c.Path, c.Line, "the certificate of %s has expired on %s", c.Subject, c.NotAfter.UTC().Format("2006-01-02")))
			case f.Now.Before(c.NotBefore):
				all = append(all, found(c.Path, c.Line, "the certificate of %s is valid from %s on, and the node's clock says %s", c.Subject,
					c.NotBefore.UTC().Format("2006-01-02"), f.Now.UTC().Format("2006-01-02")))
			}
		}
		return all
	},
}, {
	ID: "hosts-toml-secret-readable", Severity: Warning, Family: HostsTOML,
	Title:  "a credential that others can read",
	Cause:  "A hosts.toml with an Authorization header, or another one that carries a credential, is readable by others than root.",
	Remedy: "chmod 0600 the file; containerd reads it as root",
	check: each(func(_ *Facts, s site) []Finding {
		if !s.secretFile() {
			return nil
		}
		return one(found(s.file(), 0, "the file holds a header with a credential, and its mode is %04o", s.Hosts.Mode.Perm()))
	}),
}}

// flatPair reports whether an entry is a client = ["x.cert", "x.key"].
func (e entry) flatPair() bool {
	return e.path[len(e.path)-1] == "client" && !e.nested && len(e.list) > 1
}

// failing gives what every pull of the registry fails with; nil: nothing is known to.
func (s site) failing() error {
	i := slices.IndexFunc(s.Judged, func(j probe.Judged) bool { return j.Err != nil })
	if i < 0 {
		return nil
	}
	return s.Judged[i].Err
}

// misplaced reports whether an error is that of a file where a directory should be, or the other way round.
func misplaced(err error) bool {
	return errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.EISDIR) ||
		strings.Contains(err.Error(), "not a directory") || strings.Contains(err.Error(), "is a directory")
}
