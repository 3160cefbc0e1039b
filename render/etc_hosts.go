package render

func proposeBlock(live, body []byte) ([]byte, error) { panic("todo") }

func withdrawBlock(live, before []byte) ([]byte, error) { panic("todo") }
