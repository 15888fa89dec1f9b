"""Pictures as inline SVG, made on the server; colours come from the style sheet.

Reading order: bars; axis and svg (what the others are made of), lanes (a visit), waterfall (traces).
"""
