package probe

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker/auth"
	remotes "github.com/containerd/containerd/v2/core/remotes/errors"

	"github.com/regsync/regsync/render"
)

// withToken asks again with a token, where the answer says that tokens are wanted; else it gives the answer back. containerd fetches one with the
// headers of hosts.toml from 2.1 on, and without any before (dockerAuthorizer of remotes/docker, and where its config makes one).
func (p *pinger) withToken(ctx context.Context, answer *http.Response) (*http.Response, error) {
	challenges := auth.ParseAuthHeader(answer.Header)
	i := slices.IndexFunc(challenges, func(c auth.Challenge) bool { return c.Scheme == auth.BearerAuth })
	if i < 0 {
		return answer, nil
	}
	options, err := auth.GenerateTokenOptions(ctx, p.host.Host, "", "", challenges[i])
	if err != nil {
		return nil, errors.New("it wants tokens, and names no URL that gives them out")
	}
	if realm, err := url.Parse(options.Realm); err == nil {
		p.contact.Credentials.Token = p.tell(withoutQuery(realm))
	}
	header := p.host.Header
	if p.version.Before(2, 1) {
		header = nil
		if p.given() {
			p.contact.Credentials.State = NotSent
		}
	}
	token, err := auth.FetchToken(ctx, p.client, header, options)
	if refusal := (remotes.ErrUnexpectedStatus{}); errors.As(err, &refusal) &&
		slices.Contains([]int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden}, refusal.StatusCode) {
		return answer, nil // it gives none to this credential, or to nobody without one
	} else if errors.As(err, &refusal) {
		return nil, fmt.Errorf("%s, which gives out its tokens, answers with %d %s", p.contact.Credentials.Token, refusal.StatusCode, http.StatusText(refusal.StatusCode))
	}
	if err != nil {
		return nil, fmt.Errorf("%s, which gives out its tokens: %s", p.contact.Credentials.Token, because(err))
	}
	return p.get(ctx, true, "Bearer "+token.Token)
}

// hidden stands where a credential would.
const hidden = "(sensitive)"

// mask gives what takes the credentials of a header out of a text: as they are, and the user name and password that one is of.
func mask(header http.Header) *strings.Replacer {
	var words []string
	hide := func(word string) {
		if len(word) > 2 { // a shorter one is no secret, and is part of any word
			words = append(words, word, hidden)
		}
	}
	for name, values := range header {
		if !render.Credential(name) {
			continue
		}
		for _, value := range values {
			hide(value)
			_, word, _ := strings.Cut(value, " ")
			hide(word)
			login, err := base64.StdEncoding.DecodeString(word)
			if err != nil {
				continue
			}
			_, password, _ := strings.Cut(string(login), ":")
			hide(string(login))
			hide(password)
			hide(url.QueryEscape(password))
		}
	}
	return strings.NewReplacer(words...)
}
