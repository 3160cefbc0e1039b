package spec

// Policy says what an apply may do.
type Policy struct {
	// Whether things that regsync did not create may be taken over. They are backed up first. false: they are a conflict.
	Adopt bool `json:"adopt" default:"true"`
	// Tools whose files and objects may be taken over although they bear the tool's mark, such as k3s or spegel.
	AdoptFrom []string `json:"adoptFrom,omitempty"`
	// Most things that one apply prunes unless --allow-removals is given.
	MaxRemovals int `json:"maxRemovals" default:"10"`
	// Whether a new endpoint that does not answer is refused. Otherwise it is a warning.
	RequireProbe bool `json:"requireProbe,omitempty"`
	// Generations that are kept.
	History int `json:"history" default:"10"`
	// When what disturbs the node may run.
	Effects Effects `json:"effects,omitzero"`
}

// Effects says when what disturbs the node may run.
type Effects struct {
	// auto: at once; window: what needs a restart waits for the window.
	Restart string `json:"restart,omitempty" default:"auto" enum:"auto,window"`
	// Window of the week, in the node's local time: DAYS HH:MM-HH:MM, as in "Sat 02:00-04:00".
	Window string `json:"window,omitempty"`
}
