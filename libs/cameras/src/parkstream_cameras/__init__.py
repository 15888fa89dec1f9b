"""What both cameras share: pace, plates, faults and a confirmed, bounded publisher."""
