# Les mots de la ligne de commande.

about = Atelier : des travaux pratiques de sécurité, dans votre terminal
about-after = Sans commande, l’application s’ouvre à votre étape. Les codes de retour : « atelier help codes-retour ».

heading-usage = Utilisation
heading-commands = Commandes
heading-options = Options
heading-arguments = Arguments
value-command = COMMANDE

cmd-run = Ouvre l’application à une étape
cmd-list = Liste les parcours et leurs étapes
cmd-status = Montre la progression et les points
cmd-check = Lance les contrôles sans ouvrir l’application
cmd-check-after = Sans argument, l’étape en cours est contrôlée. Le code de retour vaut 0 si tout passe, 1 si un contrôle échoue, 2 si l’on n’a pas pu conclure.
cmd-hint = Donne l’indice suivant d’une étape
cmd-solution = Montre la solution d’une étape ; c’est noté
cmd-reset = Remet une étape dans son état de départ
cmd-catch-up = Rejoue et vérifie les solutions jusqu’à une étape
cmd-progress = Transporte la progression d’une machine à l’autre
cmd-progress-export = Écrit la progression dans un fichier
cmd-progress-import = Fusionne un fichier de progression avec celle d’ici
cmd-lab = Outils pour qui écrit des parcours
cmd-lab-new = Crée une étape à compléter
cmd-lab-lint = Relit le format et les mots d’un dossier de parcours
cmd-lab-test = Éprouve des étapes : intactes elles échouent, résolues elles passent, et rien ne reste
cmd-sandbox = Le cluster embarqué, seul
cmd-sandbox-up = Démarre le bac à sable et le sert jusqu’à interruption
cmd-sandbox-down = Arrête le bac à sable
cmd-sandbox-status = Dit si le bac à sable tourne, et où
cmd-sandbox-reset = Remet le bac à sable à neuf
cmd-sandbox-repair = Répare un nœud du bac à sable
cmd-quota = Les quotas d’un Namespace
cmd-quota-test = Éprouve les quotas d’un Namespace par une montée en charge bornée
cmd-kubectl = Le kubectl de secours, pour les machines qui n’en ont pas
cmd-doctor = Dit ce que cette machine permet, ce qui lui manque et comment y remédier
cmd-completions = Écrit les complétions pour un interpréteur de commandes
cmd-help = Aide sur une commande ou un sujet (codes-retour)

arg-help = Affiche cette aide
arg-version = Affiche la version
arg-labs = Dossier qui contient « labs » et « solutions », à la place des parcours embarqués
arg-where = Le parcours, ou l’étape, où commencer
arg-plain = Mode linéaire, pour les lecteurs d’écran et les terminaux simples
arg-env = Où travailler : sandbox (le bac à sable, par défaut) ou cluster (le vôtre)
arg-kubernetes = Version de Kubernetes du bac à sable : 1.20, 1.24 ou 1.34
arg-context = Avec « --env cluster » : le contexte visé ; le nommer vaut confirmation
arg-format = Format de sortie : text (par défaut) ou json
arg-check-where = Le parcours ou l’étape à contrôler
arg-check-format = Format de sortie : text (par défaut), json, junit ou tap
arg-step = L’étape, par exemple atelier-kubernetes/02-1-3-borner-la-memoire
arg-apply = Copie aussi les fichiers de la solution et lance ses commandes
arg-progress-file = Le fichier de progression
arg-new-step = La nouvelle étape
arg-lint-path = Le dossier à relire (par défaut le dossier courant)
arg-test-steps = Les étapes à éprouver (par défaut toutes)
arg-node = Le nœud, par exemple node3
arg-kubeconfig = Écrit aussi le kubeconfig dans ce fichier
arg-addr = Adresse d’écoute, sur la boucle locale
arg-detach = Rend la main une fois le bac à sable prêt
arg-namespace = Le Namespace
arg-deployment = Le Deployment dont le modèle de Pod est copié
arg-replicas = Le nombre de Pods demandés, de 1 à 100 (par défaut 20)
arg-contact = Interroge aussi le cluster du contexte courant
arg-shell = bash, zsh ou fish
arg-topic = Une commande, ou « codes-retour »
arg-kubectl = Ce que l’on écrirait après kubectl

failure-title = Erreur.{" "}
failure-title-author = Erreur dans un parcours.{" "}
failure-title-internal = Erreur interne.{" "}
failure-internal = Une faute de notre part a interrompu la commande.
failure-internal-hint = Le détail est dans le journal ; transmettez-le à votre formateur.

usage-unknown-argument = L’option ou l’argument « { $argument } » n’existe pas.
usage-unknown-command = La commande « { $command } » n’existe pas.
usage-invalid-value = « { $value } » n’est pas une valeur possible pour { $argument }.
usage-invalid-value-allowed = Valeurs possibles : { $allowed }.
usage-missing-value = { $argument } attend une valeur.
usage-missing = Il manque { $arguments }.
usage-missing-command = Il manque une commande.
usage-conflict = { $argument } ne va pas avec { $other }.
usage-repeated = { $argument } ne se donne qu’une fois.
usage-not-utf8 = Un argument n’est pas du texte lisible.
usage-other = La ligne de commande n’est pas comprise.
usage-similar = Vouliez-vous dire « { $name } » ?
usage-see = Voyez « { $command } --help ».

help-exit-codes =
    Codes de retour :

      0   tout va bien
      1   un contrôle échoue, ou ce qui est examiné n’est pas valable
      2   impossible de conclure (pas de cluster, pas le droit, délai dépassé)
     64   mauvais usage, ou pas de terminal là où il en faut un
     70   faute interne du programme
    
help-no-topic = Il n’y a pas d’aide sur « { $topic } ».
help-no-topic-hint = Les sujets : codes-retour, ou le nom d’une commande.

no-terminal = L’application a besoin d’un terminal, et l’entrée ou la sortie n’en est pas un.
no-terminal-hint = Sans terminal : « atelier check », « atelier list », « atelier status », ou « atelier run --plain ».

kubectl-unknown-verb = Le kubectl de secours d’Atelier ne connaît pas la commande « { $verb } ». Un vrai kubectl la connaît peut-être : installez-le, il sera utilisé à la place de celui-ci.
kubectl-unknown-flag = Le kubectl de secours d’Atelier ne connaît pas l’option « { $flag } » de « { $verb } ». Un vrai kubectl la connaît peut-être : installez-le, il sera utilisé à la place de celui-ci.
kubectl-help =
    Le kubectl de secours d’Atelier, pour les machines qui n’en ont pas.
    Un vrai kubectl présent dans le PATH est toujours préféré.

    Commandes connues : { $verbs }

    Les options les plus courantes sont comprises : -n, -A, -l, -o (wide, yaml, json, name, jsonpath=, custom-columns=), -w, -f.

arg-accept = Accepte les commandes d’un parcours qui n’est pas livré avec le programme, par son empreinte

labs-have-errors = { $count ->
    [one] Une erreur dans les parcours de { $path } : voyez « atelier lab lint { $path } ».
   *[other] { $count } erreurs dans les parcours de { $path } : voyez « atelier lab lint { $path } ».
}
labs-empty = { $path } ne contient aucun parcours lisible.
labs-empty-hint = Un parcours est un dossier « labs/NOM » avec un fichier course.yaml.
no-current-step = Aucune étape n’est en cours.
no-step-hint = « atelier list » donne les étapes.

list-points = { $points }/{ $max } pts
list-minutes = { $minutes } min
list-done = { $done } étapes réussies sur { $total }
list-current = {" "}← en cours
state-todo = à faire
state-tried = commencée
state-done = réussie
state-impossible = impossible ici

verdict-pass = réussi
verdict-fail = échoué
verdict-unknown = impossible de conclure
check-found = Trouvé :
check-expected = Attendu :
check-why = Pourquoi :
check-try = À essayer :

hint-taken = Indice { $number } sur { $total }. Chaque indice coûte { $cost } % des points de l’étape.
solution-noted = La solution est montrée, et c’est noté.
solution-applied = La solution de { $step } est en place.
step-was-reset = { $step } est revenue à son état de départ.
catching-up = { $step } : solution rejouée, { $done } sur { $total }
caught-up = Tout ce qui précède { $step } est en place, et l’étape est ouverte.
kept-aside = Votre version est gardée : { $path }

progress-exported = La progression est écrite dans { $path }.
progress-imported = { $count ->
    [0] Rien de nouveau dans la progression de { $learner }.
    [one] Un évènement ajouté, de la progression de { $learner }.
   *[other] { $count } évènements ajoutés, de la progression de { $learner }.
}
progress-cut = Attention : le fichier est plus court que lors de son export.
progress-flaws = { $count ->
    [one] Attention : une ligne du fichier a été modifiée.
   *[other] Attention : { $count } lignes du fichier ont été modifiées.
}

cluster-confirm = Les commandes et les contrôles vont agir sur le cluster « { $context } » ({ $server }). Tapez le nom du contexte pour confirmer :
cluster-unconfirmed = Le cluster « { $context } » ({ $server }) n’est pas confirmé.
cluster-unconfirmed-hint = Nommez-le : --env cluster --context { $context }
course-accept = Le parcours « { $course } » n’est pas livré avec le programme, et ses commandes vont s’exécuter sur cette machine. Empreinte : { $digest }. Tapez « oui » pour l’accepter :
course-accept-word = oui
course-unaccepted = Les commandes du parcours « { $course } » n’ont pas été acceptées.
course-unaccepted-hint = Après l’avoir relu : --accept { $digest }

sandbox-ready = Bac à sable prêt sur { $address }. Dans un autre terminal : export KUBECONFIG={ $path }. Ctrl-C l’arrête.
sandbox-detached = Bac à sable prêt, processus { $pid }. « atelier sandbox down » l’arrête.
sandbox-not-started = Le bac à sable n’a pas démarré.
sandbox-already-up = Le bac à sable tourne déjà (processus { $pid }).
sandbox-already-up-hint = « atelier sandbox status » dit où est son kubeconfig.
sandbox-not-loopback = { $address } n’est pas une adresse de la boucle locale.
sandbox-not-running = Le bac à sable ne tourne pas.
sandbox-not-running-hint = « atelier sandbox up --detach » le démarre ; l’application le fait aussi.
sandbox-of-the-app = Le bac à sable appartient à l’application ouverte (processus { $pid }) : quittez-la.
sandbox-not-stopped = Le bac à sable (processus { $pid }) ne s’est pas arrêté.
sandbox-stopped = Bac à sable arrêté. Son état est gardé.
sandbox-running = Le bac à sable tourne (processus { $pid }), Kubernetes { $version }. Kubeconfig : { $path }
sandbox-was-reset = Le bac à sable est remis à neuf.
sandbox-not-reset = Le bac à sable n’a pas pu être remis à neuf.
sandbox-no-node = « { $node } » n’est pas un nom de nœud.
sandbox-repaired = { $node } est réparé.
sandbox-silent = Le bac à sable ne répond pas.
sandbox-refused = Le bac à sable refuse : { $why }.
kubeconfig-unwritable = { $path } ne peut pas être écrit.
kubeconfig-not-ours = { $path } existe et ne vient pas du bac à sable : il n’est pas remplacé.
file-unwritable = { $path } ne peut pas être écrit.

lab-bad-name = « { $name } » n’est pas un nom d’étape.
lab-bad-name-hint = Un nom d’étape s’écrit PARCOURS/ÉTAPE.
lab-exists = { $path } existe déjà.
lab-add-to-course = Ajoutez « { $step } » à la liste des étapes de course.yaml.
lint-total = { $errors ->
    [0] Aucune erreur
    [one] Une erreur
   *[other] { $errors } erreurs
}, { $warnings ->
    [0] aucune remarque.
    [one] une remarque.
   *[other] { $warnings } remarques.
}
lab-passes-untouched = Le contrôle « { $check } » passe avant que rien ne soit fait.
lab-unknown-untouched = Le contrôle « { $check } » ne conclut pas avant que rien ne soit fait.
lab-guard-fails = La garde « { $check } » ne tient pas au départ.
lab-solution-fails = Le contrôle « { $check } » ne passe pas avec la solution.
lab-passes-after-reset = Le contrôle « { $check } » passe encore après la remise à l’état de départ.
lab-reset-differs = La remise à l’état de départ n’est pas exacte : { $objects }.
lab-left = Il reste après le nettoyage : { $objects }.
lab-failed = Interrompu : { $why }
lab-test-total = { $steps ->
    [one] Une étape éprouvée
   *[other] { $steps } étapes éprouvées
}, { $failed } en défaut, { $impossible } impossibles ici.

quota-right = Le quota joue son rôle : les premiers Pods tournent, les suivants sont refusés.
quota-none = Aucun quota : rien ne limite le nombre de Pods.
quota-too-loose = Le quota est trop large : il laisse tout passer.
quota-too-tight = Le quota est trop serré : même les premiers Pods ne passent pas.
quota-other-refusal = Les Pods sont refusés par autre chose qu’un quota.
quota-not-starting = Les Pods sont admis, mais ne démarrent pas.
quota-nothing-to-copy = Il n’y a pas de modèle de Pod à copier.
quota-no-namespace = Le Namespace « { $namespace } » n’existe pas.
quota-counts = Demandés : { $asked } · admis : { $admitted } · en cours d’exécution : { $running }
quota-refused = Refusé par { $name } :
quota-resource = Ressource épuisée : { $resource }
quota-left = { $count ->
    [one] Un objet de l’essai n’a pas pu être retiré ; il le sera au prochain démarrage.
   *[other] { $count } objets de l’essai n’ont pas pu être retirés ; ils le seront au prochain démarrage.
}

doctor-machine = Cette machine
doctor-steps = Étapes possibles ici : { $here } sur { $total }
doctor-terminal = Terminal :
doctor-terminal-none = ni l’entrée ni la sortie n’en est un
doctor-terminal-none-mend = L’application en demande un ; « atelier check » et « atelier run --plain » s’en passent.
doctor-terminal-unknown = taille inconnue
doctor-terminal-size = { $columns } colonnes sur { $rows } lignes{ $inside }
doctor-in-tmux = , dans tmux
doctor-terminal-small-mend = Agrandissez-le à 80 colonnes sur 24 lignes au moins.
doctor-terminal-narrow-mend = À partir de 100 colonnes, le texte et le terminal tiennent côte à côte.
doctor-colours = Couleurs :
doctor-colours-refused = refusées par NO_COLOR, rien ne manque
doctor-colours-dumb = aucune (TERM vide ou « dumb »)
doctor-colours-dumb-mend = « atelier run --plain » convient à ce terminal.
doctor-colours-many = 16 millions ({ $term })
doctor-colours-256 = 256 ({ $term })
doctor-colours-8 = 8 ou 16 ({ $term })
doctor-locale = Langue et caractères :
doctor-locale-none = aucune locale
doctor-locale-mend = Sans UTF-8, les cadres sont en ASCII. Essayez : export LC_ALL=C.UTF-8
doctor-clipboard = Presse-papiers (OSC 52) :
doctor-clipboard-likely = probablement accepté par ce terminal
doctor-clipboard-tmux = dépend de tmux
doctor-clipboard-tmux-mend = Dans ~/.tmux.conf : set -g set-clipboard on
doctor-clipboard-unknown = inconnu de ce terminal
doctor-clipboard-unknown-mend = Si la touche « y » ne copie rien, sélectionnez à la souris.
doctor-kubectl = kubectl :
doctor-kubectl-none = absent du PATH
doctor-kubectl-none-mend = Le kubectl de secours d’Atelier prend sa place.
doctor-kubectl-found = { $version } ({ $path })
doctor-kubectl-broken = { $path } ne répond pas
doctor-kubectl-broken-mend = Réinstallez-le, ou retirez-le du PATH : celui d’Atelier prendra sa place.
doctor-docker = Docker :
doctor-docker-answers = il répond
doctor-docker-root = À savoir : pouvoir utiliser Docker, c’est être root sur cette machine.
doctor-docker-absent = il ne répond pas, ou ce compte n’y a pas droit
doctor-docker-mend = Seules les étapes qui le demandent en ont besoin.
doctor-home = Dossier d’Atelier :
doctor-home-unwritable = { $path } ne peut pas être écrit ({ $why })
doctor-home-mend = Donnez-vous le droit d’y écrire, ou choisissez un autre dossier avec ATELIER_HOME.
doctor-disk = Place sur le disque :
doctor-disk-room = { $megabytes } Mio libres
doctor-disk-mend = Libérez au moins 200 Mio : la progression ne pourrait plus être écrite.
doctor-disk-unknown = inconnue
doctor-contexts = Clusters connus :
doctor-contexts-none = aucun ; le bac à sable n’en a pas besoin
doctor-context-current = { $name } (courant)
doctor-contexts-broken = { $paths } ne se lit pas
doctor-contexts-broken-mend = Corrigez ce fichier ; le bac à sable n’en a pas besoin.
doctor-cluster = Cluster du contexte courant :
doctor-cluster-answers = il répond, Kubernetes { $version }
doctor-cluster-silent = il ne répond pas ({ $why })
doctor-cluster-late = { $seconds ->
    [one] pas de réponse en une seconde
   *[other] pas de réponse en { $seconds } secondes
}
doctor-cluster-mend = Vérifiez le réseau et le kubeconfig ; le bac à sable n’en a pas besoin.

output-lost = Le résultat n’a pas pu être écrit en entier.
output-lost-hint = Le disque est-il plein ? Faites de la place, puis relancez la commande.
