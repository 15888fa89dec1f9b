"""The parkstream command. Reading order: app, config, doctor, then the demo in the order of its run."""
