package draft

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/textproto"
	"slices"
	"strings"
)

// Ask is one place that a runtime asks for images, in a form in which before and after can be compared.
type Ask struct {
	URL    string              // the API root, without escapes
	Caps   []string            // of pull, resolve, push, in this order
	How    string              // why it cannot be said how it is asked; empty: it can
	Skip   bool                // TLS that is not verified
	CA     []string            // files on the node
	Client [][2]string         // files on the node: certificate and key
	Header map[string][]string // by their canonical names
	Dial   string              // as Go writes a time; empty: none
	Where  string              // where the password in Header stands, in words; empty: in that header
}

// What an upstream and what a mirror may be asked for where nothing is said.
var (
	AllCaps    = []string{"pull", "resolve", "push"}
	MirrorCaps = []string{"pull", "resolve"}
)

// Hub is the API root of Docker Hub. docker.io itself is its web site, from which no pull gets anything.
const Hub = "https://registry-1.docker.io/v2"

// Upstream is the API root of a registry of which nothing is said.
func Upstream(host string) string {
	if host == "docker.io" {
		return Hub
	}
	return "https://" + host + "/v2"
}

// Canonical gives headers by the names under which HTTP knows them.
func Canonical(header map[string][]string) map[string][]string {
	out := map[string][]string{}
	for name, values := range header {
		out[textproto.CanonicalMIMEHeaderKey(name)] = values
	}
	return out
}

// Distinct leaves out what is asked a second time in the same way, which changes nothing for a pull, and takes Docker Hub's web site for its
// registry, as rendering does.
func Distinct(asks []Ask, registry string) []Ask {
	var out []Ask
	for _, a := range asks {
		if registry == "docker.io" && a.URL == "https://docker.io/v2" {
			a.URL = Hub
		}
		i := slices.IndexFunc(out, func(o Ask) bool {
			return slices.Contains(o.Caps, "pull") && slices.Contains(o.Caps, "resolve") && o.covers(a)
		})
		pushes := slices.Contains(a.Caps, "push")
		between := i >= 0 && slices.ContainsFunc(out[i+1:], func(o Ask) bool { return slices.Contains(o.Caps, "push") })
		switch {
		case i < 0 || pushes && between && !slices.Contains(out[i].Caps, "push"):
			out = append(out, a)
		case pushes:
			out[i].Caps = AllCaps
		}
	}
	return out
}

// covers reports whether whatever serves b serves a too: one place, asked in one way but that b is verified more strictly.
func (a Ask) covers(b Ask) bool {
	if a.Skip || len(b.CA) == 0 && !b.Skip {
		b.Skip, b.CA = a.Skip, a.CA
	}
	return a.sameWay(b)
}

// sameWay reports whether two are one place that is asked in one way.
func (a Ask) sameWay(b Ask) bool {
	return a.URL == b.URL && a.Skip == b.Skip && a.How == b.How && a.Dial == b.Dial &&
		slices.Equal(a.CA, b.CA) && slices.Equal(a.Client, b.Client) && maps.EqualFunc(a.Header, b.Header, slices.Equal)
}

// Differ says how two lists differ; empty: they do not.
func Differ(before, after []Ask) string {
	if len(before) != len(after) {
		return fmt.Sprintf("%d endpoints would be asked, and %d are", len(after), len(before))
	}
	for i, b := range before {
		a := after[i]
		switch {
		case a.URL != b.URL:
			return fmt.Sprintf("%s would be asked, and %s is", a.URL, b.URL)
		case !slices.Equal(a.Caps, b.Caps):
			return fmt.Sprintf("%s would be asked for %s, and is for %s", a.URL, strings.Join(a.Caps, " and "), strings.Join(b.Caps, " and "))
		case !a.sameWay(b):
			return fmt.Sprintf("%s would be asked in another way", a.URL)
		}
	}
	return ""
}

// Authorize has an endpoint shown a user name and a password.
func (a *Ask) Authorize(user, password, where string) {
	a.Header = map[string][]string{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))}}
	a.Where = where
}
