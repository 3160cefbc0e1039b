package probe

import (
	"time"
)

// Contact is what became of asking an endpoint whether it is there.
type Contact struct {
	OK          bool
	Status      int    // of HTTP, the last that counted; 0: no answer
	Error       string // why it is not OK, in one sentence; empty: it is
	TLS         TLS
	Credentials Credentials
	Redirect    string // where the endpoint sends whoever asks it; empty: it answers itself
	Took        time.Duration
}

// TLS is how the other side was known.
type TLS struct {
	Mode      TLSMode
	Authority string    // the name of the authority at the end of the chain, or of who issued a certificate that is not believed
	Expires   time.Time // of the other side's certificate; zero: none was shown
}

// TLSMode is how far TLS went.
type TLSMode string

// The modes of TLS.
const (
	TLSUnknown  TLSMode = ""         // nobody answered
	Plain       TLSMode = "none"     // plain http
	Verified    TLSMode = "verified" // by an authority that containerd is told to believe
	NotVerified TLSMode = "notVerified"
	Disbelieved TLSMode = "failed" // the certificate is not believed
)

// Credentials are what became of the credential that an endpoint is shown.
type Credentials struct {
	State LoginState
	Token string // the URL that gives out tokens; empty: none are wanted
}

// LoginState is what became of a credential.
type LoginState string

// The states of a credential.
const (
	LoginUnknown LoginState = "unknown"   // it never came to that
	NotNeeded    LoginState = "notNeeded" // everybody is let in
	Accepted     LoginState = "accepted"
	Refused      LoginState = "refused"
	Wanted       LoginState = "wanted"  // and none is there
	NotSent      LoginState = "notSent" // containerd before 2.1 does not show it to where tokens are given out
)
