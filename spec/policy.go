package spec

// Policy says what an apply may do.
type Policy struct {
	Adopt        bool     `json:"adopt" default:"true"` // may take over what regsync did not create
	AdoptFrom    []string `json:"adoptFrom,omitempty"`  // tools whose mark may be taken over too
	MaxRemovals  int      `json:"maxRemovals" default:"10"`
	RequireProbe bool     `json:"requireProbe,omitempty"`
	History      int      `json:"history" default:"10"` // generations kept
	Effects      Effects  `json:"effects,omitzero"`
}

// Effects says when what disturbs the node may run.
type Effects struct {
	Restart string `json:"restart,omitempty" default:"auto" enum:"auto,window"` // window: what needs a restart waits for it
	Window  string `json:"window,omitempty"`                                    // DAYS HH:MM-HH:MM
}
