"""The parkstream command: demo, doctor, config and the tools of the log."""
