package capture

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/regsync/regsync/internal/probe"
	"github.com/regsync/regsync/render"
)

// ask is one place that containerd asks, in a form in which before and after can be compared.
type ask struct {
	url    string   // the API root, without escapes
	caps   []string // of pull, resolve, push
	how    string   // "", or why it cannot be said how it is asked
	skip   bool
	ca     []string    // files on the node
	client [][2]string // files on the node: certificate and key
	header map[string][]string
	dial   string
}

var (
	allCaps    = []string{"pull", "resolve", "push"}
	mirrorCaps = []string{"pull", "resolve"}
)

// asksOf gives whom a reading asks.
func asksOf(r probe.Reading) []ask {
	var asks []ask
	for _, h := range r.Hosts {
		a := ask{url: h.URL, skip: h.SkipVerify, ca: h.CA, client: h.Client, header: canonical(h.Header), dial: h.DialTimeout}
		switch {
		case strings.HasPrefix(h.URL, "http://") && !h.HTTPFallback:
			a.skip, a.ca, a.client, h.HasCA, h.HasClient = false, nil, nil, false, false // there is no TLS
		case a.skip:
			a.ca = nil // it counts for nothing
		}
		for _, c := range allCaps {
			if slices.Contains(h.Capabilities, c) {
				a.caps = append(a.caps, c)
			}
		}
		switch {
		case h.Doubtful && (h.HasCA || h.HasClient):
			a.how = "two tables name it, and one alone counts"
		case h.HTTPFallback:
			a.how = "it is asked by https first and by http then"
		case h.HasCA && !h.SkipVerify && len(h.CA) == 0:
			a.how = "the file of its certificate authority is not known"
		case h.HasClient && len(h.Client) == 0:
			a.how = "the file of its client certificate is not known"
		case len(h.Client) > 1:
			a.how = "it is shown several client certificates"
		}
		asks = append(asks, a)
	}
	return asks
}

// asksFor gives whom a rendered file of a directory asks. Certificates stand there by their content, which content gives of a file.
func asksFor(list []render.Endpoint, dir string, content func(file string) string) []ask {
	var asks []ask
	for _, e := range list {
		api, err := url.PathUnescape(e.API())
		if err != nil {
			api = e.API()
		}
		a := ask{url: api, skip: e.SkipVerify, header: canonical(e.Header)}
		for _, c := range allCaps {
			if slices.Contains(e.Capabilities, c) {
				a.caps = append(a.caps, c)
			}
		}
		if !a.skip {
			for _, file := range e.CAFiles {
				a.ca = append(a.ca, content(absolute(dir, file)))
			}
			for _, pem := range e.CA {
				a.ca = append(a.ca, string(pem))
			}
		}
		for _, pair := range e.ClientFiles {
			a.client = append(a.client, [2]string{content(absolute(dir, pair[0])), content(absolute(dir, pair[1]))})
		}
		if e.Cert != nil {
			a.client = append(a.client, [2]string{string(e.Cert), string(e.Key)})
		}
		if e.DialTimeout > 0 {
			a.dial = e.DialTimeout.String()
		}
		asks = append(asks, a)
	}
	return asks
}

// canonical gives headers by the names under which HTTP knows them.
func canonical(header map[string][]string) map[string][]string {
	out := map[string][]string{}
	for name, values := range header {
		out[http.CanonicalHeaderKey(name)] = values
	}
	return out
}

func absolute(dir, file string) string {
	if strings.HasPrefix(file, "/") {
		return file
	}
	return dir + "/" + file
}

// hub is where Docker Hub's registry is; docker.io itself is its web site, of which no pull gets anything.
const hub = "https://registry-1.docker.io/v2"

// distinct leaves out what is asked a second time in the same way, which changes nothing for a pull, and takes Docker Hub's web site for its
// registry, as rendering does.
func distinct(asks []ask, registry string) []ask {
	var out []ask
	for _, a := range asks {
		if registry == "docker.io" && a.url == "https://docker.io/v2" {
			a.url = hub
		}
		i := slices.IndexFunc(out, func(o ask) bool {
			return slices.Contains(o.caps, "pull") && slices.Contains(o.caps, "resolve") && o.sameWay(a)
		})
		pushes := slices.Contains(a.caps, "push")
		between := i >= 0 && slices.ContainsFunc(out[i+1:], func(o ask) bool { return slices.Contains(o.caps, "push") })
		switch {
		case i < 0 || pushes && between && !slices.Contains(out[i].caps, "push"):
			out = append(out, a)
		case pushes:
			out[i].caps = allCaps
		}
	}
	return out
}

// sameWay reports whether two are one place that is asked in one way.
func (a ask) sameWay(b ask) bool {
	return a.url == b.url && a.skip == b.skip && a.how == b.how && a.dial == b.dial &&
		slices.Equal(a.ca, b.ca) && slices.Equal(a.client, b.client) && maps.EqualFunc(a.header, b.header, slices.Equal)
}

// differ says how two lists differ; empty: they do not.
func differ(before, after []ask) string {
	if len(before) != len(after) {
		return fmt.Sprintf("%d endpoints would be asked, and %d are", len(after), len(before))
	}
	for i, b := range before {
		a := after[i]
		switch {
		case a.url != b.url:
			return fmt.Sprintf("%s would be asked, and %s is", a.url, b.url)
		case !slices.Equal(a.caps, b.caps):
			return fmt.Sprintf("%s would be asked for %s, and is for %s", a.url, strings.Join(a.caps, " and "), strings.Join(b.caps, " and "))
		case !a.sameWay(b):
			return fmt.Sprintf("%s would be asked in another way", a.url)
		}
	}
	return ""
}
