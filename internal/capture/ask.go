package capture

import (
	"net/url"
	"slices"
	"strings"

	"github.com/regsync/regsync/internal/draft"
	"github.com/regsync/regsync/internal/probe"
	"github.com/regsync/regsync/render"
)

// asksOf gives whom a reading asks.
func asksOf(r probe.Reading) []draft.Ask {
	var asks []draft.Ask
	for _, h := range r.Hosts {
		a := draft.Ask{URL: h.URL, Skip: h.SkipVerify, CA: h.CA, Client: h.Client, Header: draft.Canonical(h.Header), Dial: h.DialTimeout}
		switch {
		case strings.HasPrefix(h.URL, "http://") && !h.HTTPFallback:
			a.Skip, a.CA, a.Client, h.HasCA, h.HasClient = false, nil, nil, false, false // there is no TLS
		case a.Skip:
			a.CA = nil // it counts for nothing
		}
		for _, c := range draft.AllCaps {
			if slices.Contains(h.Capabilities, c) {
				a.Caps = append(a.Caps, c)
			}
		}
		switch {
		case h.Doubtful && (h.HasCA || h.HasClient):
			a.How = "two tables name it, and one alone counts"
		case h.HTTPFallback:
			a.How = "it is asked by https first and by http then"
		case h.HasCA && !h.SkipVerify && len(h.CA) == 0:
			a.How = "the file of its certificate authority is not known"
		case h.HasClient && len(h.Client) == 0:
			a.How = "the file of its client certificate is not known"
		case len(h.Client) > 1:
			a.How = "it is shown several client certificates"
		}
		asks = append(asks, a)
	}
	return asks
}

// asksFor gives whom a rendered file of a directory asks. Certificates stand there by their content, which content gives of a file.
func asksFor(list []render.Endpoint, dir string, content func(file string) string) []draft.Ask {
	var asks []draft.Ask
	for _, e := range list {
		api, err := url.PathUnescape(e.API())
		if err != nil {
			api = e.API()
		}
		a := draft.Ask{URL: api, Skip: e.SkipVerify, Header: draft.Canonical(e.Header)}
		for _, c := range draft.AllCaps {
			if slices.Contains(e.Capabilities, c) {
				a.Caps = append(a.Caps, c)
			}
		}
		if !a.Skip {
			for _, file := range e.CAFiles {
				a.CA = append(a.CA, content(absolute(dir, file)))
			}
			for _, pem := range e.CA {
				a.CA = append(a.CA, string(pem))
			}
		}
		for _, pair := range e.ClientFiles {
			a.Client = append(a.Client, [2]string{content(absolute(dir, pair[0])), content(absolute(dir, pair[1]))})
		}
		if e.Cert != nil {
			a.Client = append(a.Client, [2]string{string(e.Cert), string(e.Key)})
		}
		if e.DialTimeout > 0 {
			a.Dial = e.DialTimeout.String()
		}
		asks = append(asks, a)
	}
	return asks
}

func absolute(dir, file string) string {
	if strings.HasPrefix(file, "/") {
		return file
	}
	return dir + "/" + file
}
