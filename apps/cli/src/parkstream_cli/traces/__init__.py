"""One car's way as a waterfall. Reading order: car_trace, searching, waterfall, drawing."""
