"""What a page shows: HTML tables, figures and sliders."""
