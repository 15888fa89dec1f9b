"""What people see; each page is a route, a template, and what it asks.

Reading order: times and plates (how they are written), site (what all pages have), problems, application, login,
now, find, visit_view and story, another_time, todo, health, acts.
"""
