package capture

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/regsync/regsync/internal/draft"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// express makes of whom containerd asks what the file says. implicit says that the last one is the registry itself because nothing else is
// said. What cannot be said leaves the entry out.
func (c *capturer) express(e *draft.Entry, asks []ask, implicit bool) {
	if len(asks) == 0 {
		e.Leave("nobody is asked")
		return
	}
	for _, a := range asks {
		if a.how != "" {
			e.Leave("%s: %s", a.url, a.how)
		}
	}
	last := asks[len(asks)-1]
	switch {
	case e.Host == spec.AnyRegistry && implicit:
		if !slices.Equal(last.caps, allCaps) || !last.sameWay(ask{url: last.url}) {
			e.Leave("what stands at its root holds for the registry itself of each image, which %q cannot say", spec.AnyRegistry)
		}
		c.mirrors(e, asks[:len(asks)-1], true)
	case e.Host == spec.AnyRegistry:
		c.mirrors(e, asks, false)
	case len(asks) == 1 && slices.Equal(last.caps, []string{"push"}) && last.sameWay(ask{url: upstream(e.Host)}):
		e.Registry = &spec.Registry{Host: e.Host, Blocked: true}
	case slices.Equal(last.caps, allCaps) && servable(last.url):
		c.server(e, last)
		c.mirrors(e, asks[:len(asks)-1], true)
		if e.Registry == nil && e.Mirror == nil && !slices.ContainsFunc(e.Insecure, func(in spec.Insecure) bool { return !in.Only }) {
			e.Registry = &spec.Registry{Host: e.Host}
		}
	default:
		c.mirrors(e, asks, false)
	}
}

// upstream is the API root of a registry of which nothing is said.
func upstream(host string) string {
	if host == "docker.io" {
		return hub
	}
	return "https://" + host + "/v2"
}

// server says who is asked last: the registry itself, or where it really is.
func (c *capturer) server(e *draft.Entry, a ask) {
	r := spec.Registry{Host: e.Host}
	end, why := c.endpoint(e, a)
	if why != "" {
		e.Leave("%s", why)
		return
	}
	if own := a.url == "http://"+e.Host+"/v2"; !own && a.url != upstream(e.Host) {
		r.Server = end.URL
	}
	r.TLS, r.Credentials, r.Header, r.DialTimeout = end.TLS, end.Credentials, end.Header, end.DialTimeout
	if r.Server != "" || len(r.CA) > 0 || r.Client != nil || r.Credentials != "" || r.Header != nil || r.DialTimeout != 0 {
		e.Registry = &r
	}
	for i := range e.Insecure {
		// A registry that is insecure itself may be named as one.
		in := &e.Insecure[i]
		in.Only = in.Only && a.url != "http://"+e.Host+"/v2"
	}
}

// mirrors says who is asked before, or, without the registry itself, alone.
func (c *capturer) mirrors(e *draft.Entry, asks []ask, fallback bool) {
	if len(asks) == 0 {
		if e.Host == spec.AnyRegistry {
			e.Leave("it names nobody but the registry itself")
		}
		return
	}
	m := &spec.Mirror{Registry: e.Host, Fallback: fallback}
	for _, a := range asks {
		end, why := c.endpoint(e, a)
		if why != "" {
			e.Leave("%s", why)
		}
		m.Endpoints = append(m.Endpoints, end)
	}
	e.Mirror = m
}

// endpoint says how one place is asked. The reason is why it cannot be said.
func (c *capturer) endpoint(e *draft.Entry, a ask) (end spec.Endpoint, why string) {
	u, err := url.Parse(a.url)
	if err != nil || u.Host == "" {
		return spec.Endpoint{URL: a.url}, fmt.Sprintf("%s is no URL that can be asked", a.url)
	}
	root, override := location(a.url)
	end = spec.Endpoint{URL: root, OverridePath: override, Capabilities: a.caps}
	end.CA = a.ca
	if len(a.client) == 1 {
		end.Client = &spec.ClientCert{Cert: a.client[0][0], Key: a.client[0][1]}
	}
	if a.dial != "" {
		d, err := time.ParseDuration(a.dial)
		if end.DialTimeout = spec.Duration(d); err != nil || d <= 0 {
			why = fmt.Sprintf("the dial_timeout of %s is %q, which regsync does not take", a.url, a.dial)
		}
	}
	if root == "" || u.Path == "" || u.Path == "/" {
		why = fmt.Sprintf("%s is asked without /v2, which no registry answers", a.url)
	}
	switch {
	case u.Scheme == "http":
		allow(e, spec.Insecure{Value: u.Host, Only: true})
	case a.skip:
		allow(e, spec.Insecure{Value: "https://" + u.Host, Only: strings.TrimSuffix(u.Host, ":443") != e.Host})
	}
	if missing := c.header(e, &end, a.header, u.Host); missing != "" {
		why = missing
	}
	return end, why
}

// location gives an API root as the file has it.
func location(api string) (root string, override spec.Override) {
	scheme, rest, _ := strings.Cut(api, "://")
	host, p, _ := strings.Cut(rest, "/")
	p = (&url.URL{Path: "/" + p}).EscapedPath()
	switch {
	case p == "/v2":
		return scheme + "://" + host, spec.OverrideAuto
	case strings.HasPrefix(p, "/v2/"), strings.HasSuffix(p, "/v2"):
		return scheme + "://" + host + p, spec.OverrideAuto
	}
	return scheme + "://" + host + p, spec.OverrideYes
}

// servable reports whether an API root can be a registry's server, which has no overridePath.
func servable(api string) bool {
	_, override := location(api)
	return override == spec.OverrideAuto
}

func allow(e *draft.Entry, in spec.Insecure) {
	i := slices.IndexFunc(e.Insecure, func(o spec.Insecure) bool { return o.Value == in.Value })
	if i < 0 {
		e.Insecure = append(e.Insecure, in)
	}
}

// header says which headers are sent. User name and password become a credential; any other secret cannot be said without showing it.
func (c *capturer) header(e *draft.Entry, end *spec.Endpoint, header map[string][]string, host string) (why string) {
	for _, name := range slices.Sorted(maps.Keys(header)) {
		values := header[name]
		if !render.Credential(name) {
			if end.Header == nil {
				end.Header = map[string][]string{}
			}
			end.Header[name] = values
			continue
		}
		user, password, ok := basic(name, values)
		if !ok {
			why = fmt.Sprintf("the header %s of %s looks like a secret that is no user name with a password, and is not shown", name, host)
			continue
		}
		end.Credentials = c.credential(e, host, user, password)
	}
	return why
}

// basic reads the header of basic authentication.
func basic(name string, values []string) (user, password string, ok bool) {
	if !strings.EqualFold(name, "Authorization") || len(values) != 1 {
		return "", "", false
	}
	scheme, code, _ := strings.Cut(values[0], " ")
	text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(code))
	if err != nil || !strings.EqualFold(scheme, "basic") {
		return "", "", false
	}
	user, password, ok = strings.Cut(string(text), ":")
	return user, password, ok && user != "" && values[0] == "Basic "+base64.StdEncoding.EncodeToString(text)
}

// credential names a user and a password. One pair has one name; the password's place is a file that the user fills.
func (c *capturer) credential(e *draft.Entry, host, user, password string) string {
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
		login := render.Login{Username: user, Password: render.NewSecret(password)}
		if known, ok := c.logins[name]; ok && (known.Username != user || !known.Password.Equal(login.Password)) {
			continue
		}
		c.logins[name] = login
		if !slices.ContainsFunc(e.Credentials, func(o spec.Credential) bool { return o.Name == name }) {
			file := "/etc/regsync/" + name + ".password"
			e.Credentials = append(e.Credentials, spec.Credential{Name: name, Username: user, Password: &spec.Secret{File: file}})
			e.Note("the password of %s stands in the Authorization header there, behind the user name in base64: put it alone into %s (0600), or name another source under credentials", user, file)
		}
		return name
	}
}
