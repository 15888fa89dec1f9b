"""What programs ask over HTTP, and anybody with a session who sees whole plates: it reads, and changes nothing.

Reading order: answers (the bodies), questions (who is asked), guard (who may ask), routes.
"""
