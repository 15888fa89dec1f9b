"""Makes every Python process with this folder, and the one above, on its path patient."""

from patience import be_patient

be_patient()
