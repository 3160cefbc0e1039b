package draft

import (
	"fmt"
	"slices"
	"strings"

	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// login is what stands behind the name of a credential.
type login struct {
	render.Login        // without a password where only its digest is known
	host, digest string // of a pull secret's
}

// Login gives the user name and the password that a credential stands for. Of one that stands in pull secrets alone the password is not known.
func (d *Draft) Login(credential string) render.Login { return d.logins[credential].Login }

// credential names a user and a password. One pair has one name; the password's place is a file that the user fills.
func (d *Draft) credential(e *Entry, host, user, password, where string) string {
	secret := render.NewSecret(password)
	name, known := d.name(host, func(o login) bool { return o.Username == user && o.Password.Equal(secret) })
	if !known {
		d.logins[name] = login{Login: render.Login{Username: user, Password: secret}, host: host}
	}
	if !slices.ContainsFunc(e.Credentials, func(o spec.Credential) bool { return o.Name == name }) {
		if where == "" {
			where = "in the Authorization header there, behind the user name in base64"
		}
		c, note := filled(name, user, where)
		e.Credentials = append(e.Credentials, c)
		e.Note("%s", note)
	}
	return name
}

// Grant names the credential of a login that a pull secret holds, and says what its user has to do for it where it is new: one that a hosts.toml
// holds too has that one's name. digest makes of a password what stands in the login.
func (d *Draft) Grant(l render.FoundLogin, where string, digest func(password string) string) (name, note string) {
	name, known := d.name(l.Registry, func(o login) bool {
		if o.digest == "" {
			o.digest = digest(o.Password.Reveal())
		}
		return o.host == l.Registry && o.Username == l.Username && o.digest == l.Digest
	})
	if !known {
		d.logins[name] = login{Login: render.Login{Username: l.Username}, host: l.Registry, digest: l.Digest}
	}
	if slices.ContainsFunc(d.Credentials, func(o Noted[spec.Credential]) bool { return o.Value.Name == name }) {
		return name, ""
	}
	c, note := filled(name, l.Username, where)
	c.Registries = []string{l.Registry}
	d.Credentials = append(d.Credentials, Noted[spec.Credential]{Value: c})
	if known {
		note = "" // it stands with the hosts.toml
	}
	return name, note
}

// name gives the name of a credential for a host: that of one that is the same, which is known then, or the first that is free.
func (d *Draft) name(host string, same func(login) bool) (name string, known bool) {
	if d.logins == nil {
		d.logins = map[string]login{}
	}
	base := strings.Trim(strings.Map(func(r rune) rune {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789.-", r) {
			return r
		}
		return '-'
	}, strings.ToLower(host)), "-.")
	for n := 1; ; n++ {
		name := base
		if n > 1 {
			name = fmt.Sprintf("%s-%d", base, n)
		}
		if o, taken := d.logins[name]; !taken || same(o) {
			return name, taken
		}
	}
}

// filled gives a credential whose password its user puts into a file, and the words that say so.
func filled(name, user, where string) (c spec.Credential, note string) {
	file := "/etc/regsync/" + name + ".password"
	note = fmt.Sprintf("the password of %s stands %s: put it alone into %s (0600), or name another source under credentials", user, where, file)
	return spec.Credential{Name: name, Username: user, Password: &spec.Secret{File: file}}, note
}
