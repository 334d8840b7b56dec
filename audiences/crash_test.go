package audiences_test

const childEnv = "TAILRACE_AUDIENCES_CHILD"

func child() int { return 0 }
