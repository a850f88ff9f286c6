  ;; include memory
  ;; include descriptor
  ;; include describe
